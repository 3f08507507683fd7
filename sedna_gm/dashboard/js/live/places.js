// A browser opens six connections to one address over HTTP/1.1, over all its windows together. Were all of them held by
// watches, no click would get through: so windows share four places, and who finds none asks now and then instead.

const PLACES = 4;

/** Takes a place if one is free; gives what gives it back, or null. */
export async function takePlace() {
  if (!navigator.locks) return () => {};
  for (let place = 0; place < PLACES; place += 1) {
    const leave = await tryOne(`sedna-watch-${place}`);
    if (leave) return leave;
  }
  return null;
}

function tryOne(name) {
  return new Promise((resolve) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(null);
          return undefined;
        }
        return new Promise((leave) => resolve(leave));
      })
      .catch(() => resolve(() => {}));
  });
}
