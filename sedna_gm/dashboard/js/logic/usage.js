// What a node tells of its use, as numbers and lines of a chart. Pure.

/** The load now: `{cpu (share of all processors), memory, memoryTotal, disk, diskTotal}`; null where nothing is told. */
export function loadOf(usage) {
  const node = usage?.node;
  if (!node) return null;
  const cpus = node.cpuCount || 1;
  const last = usage.series?.cpu?.findLast((value) => typeof value === "number");
  return {
    cpu: last === undefined ? (node.loadAverage?.[0] ?? NaN) / cpus : last / cpus,
    memory: node.memoryBytes, memoryTotal: node.memoryTotalBytes,
    disk: node.diskTotalBytes - node.diskFreeBytes, diskTotal: node.diskTotalBytes,
  };
}

/** Lines over the last hour, for `chart`: `{cpu (share of all processors), memory}`, each `[moments in seconds, values]`.
 * `from` is the whole answer or one worker of it; the `seconds` of both (0 is now, others before) are the answer's. */
export function seriesOf(from, whole, now) {
  const cpus = whole?.node?.cpuCount || 1;
  const { cpu, memory } = from?.series ?? {};
  const moments = (whole?.series?.seconds ?? []).map((second) => Math.round(now / 1000 + second));
  const values = (list, scale) => moments.map((_moment, place) => (typeof list?.[place] === "number" ? list[place] / scale : null));
  return { cpu: [moments, values(cpu, cpus)], memory: [moments, values(memory, 1)] };
}
