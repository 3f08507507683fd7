// How long to wait before a lost connection is tried again: growing, bounded, and by chance a little different in every
// window, so that a server that has just come back is not met by all of them at once. Pure but for the chance.

/** Milliseconds, one after the other, for ever. */
export function* pauses(first = 500, most = 15000, chance = Math.random) {
  for (let pause = first; ; pause = Math.min(pause * 2, most)) yield pause * (0.75 + chance() / 2);
}
