/** What messages that are under way may take of memory together: each line has a bound of its own, a hundred need one too. */
export interface Room {
  /** False where so much is not left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export const boundless: Room = { take: () => true, give: () => undefined };

/** @param size bytes */
export function makeRoom(size: number): Room {
  let left = size;
  return {
    take: (bytes) => {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    give: (bytes) => {
      left += bytes;
    },
  };
}
