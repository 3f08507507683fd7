// Numbers, times and sizes as people read them. Pure; the moment is an argument.

/** A number with three digits that count: 0.934, 12.5, 1,234. */
export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits === 3 ? 3 : 0 });
}

/** A difference with its sign: +0.031, −0.002. */
export function difference(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  return `${sign}${number(Math.abs(value))}`;
}

/** A metric may be a list, which counts by its mean. */
export function metric(value) {
  if (!Array.isArray(value)) return typeof value === "string" ? Number(value) : value;
  return value.length ? value.reduce((sum, one) => sum + one, 0) / value.length : NaN;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes, in the unit that fits. */
export function size(bytes) {
  if (typeof bytes !== "number" || !Number.isFinite(bytes)) return "–";
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit && value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

/** A share as a percentage; a small one with a fraction. */
export function percent(share) {
  if (!Number.isFinite(share)) return "–";
  const hundredths = share * 100;
  return `${hundredths > 0 && hundredths < 9.95 && hundredths % 1 ? hundredths.toFixed(1) : Math.round(hundredths)} %`;
}

/** A span of seconds in its two largest units: 45 s, 3 min, 2 h 5 min, 4 d 3 h. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole < 600 && whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.round(whole / 60)} min`;
  const [large, small, of, names] = whole < 86400 ? [3600, 60, 60, ["h", "min"]] : [86400, 3600, 24, ["d", "h"]];
  const rest = Math.floor((whole % large) / small) % of;
  return `${Math.floor(whole / large)} ${names[0]}${rest ? ` ${rest} ${names[1]}` : ""}`;
}

/** How long ago, or in how long; rounded, so that a page does not flicker. */
export function ago(time, now) {
  const seconds = (now - Date.parse(time)) / 1000;
  if (!Number.isFinite(seconds)) return "–";
  const far = Math.abs(seconds);
  if (far < 5) return "now";
  const text = span(far < 55 ? Math.ceil(far / 10) * 10 : far < 3600 ? Math.round(far / 60) * 60 : far);
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** The moment on the viewer's clock: the time today, else with the day. */
export function moment(time, now) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "–";
  const clock = date.toLocaleTimeString("en-GB");
  const isToday = new Date(now).toDateString() === date.toDateString();
  return isToday ? clock : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clock}`;
}

/** The first digits of a checksum. */
export const short = (sha256) => (sha256 ? String(sha256).slice(0, 8) : "–");

/** A quantity of Kubernetes (24684092Ki, 2, 500m) as a number. */
export function quantity(text) {
  const found = /^([0-9.]+)(m|Ki|Mi|Gi|Ti)?$/.exec(String(text ?? ""));
  if (!found) return NaN;
  const factor = { m: 0.001, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 }[found[2]] ?? 1;
  return Number(found[1]) * factor;
}

/** One or many: 1 sample, 2 samples. */
export const count = (number_, one, many = `${one}s`) => `${number_.toLocaleString("en")} ${number_ === 1 ? one : many}`;
