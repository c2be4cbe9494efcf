/**
 * A tenant's share of the connections: however much it asks at once, others find one free.
 *
 * 1. At most `most` holders of a tenant are inside; further ones wait in the order they came, for `patience` at most.
 * 2. Whoever leaves lets in the next of the same tenant; a place is given back once.
 */

export interface Share {
  /** Resolves when there is a place, with what gives it back; rejects with `tooLate()` after too long a wait. */
  enter(tenant: number): Promise<() => void>;
}

interface Tenant {
  inside: number;
  readonly waiting: (() => void)[];
}

export function makeShare(most: number, patience: number, tooLate: () => Error): Share {
  const tenants = new Map<number, Tenant>();

  const leaving = (id: number, tenant: Tenant): (() => void) => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = tenant.waiting.shift();
      if (next !== undefined) {
        next();
        return;
      }
      tenant.inside--;
      if (tenant.inside === 0) tenants.delete(id);
    };
  };

  return {
    enter: async (id) => {
      const tenant = tenants.get(id) ?? { inside: 0, waiting: [] };
      tenants.set(id, tenant);
      if (tenant.inside < most) tenant.inside++;
      else await turn(tenant.waiting, patience, tooLate);
      return leaving(id, tenant);
    },
  };
}

function turn(waiting: (() => void)[], patience: number, tooLate: () => Error): Promise<void> {
  return new Promise((resolve, reject) => {
    const goIn = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(goIn), 1);
      reject(tooLate());
    }, patience);
    waiting.push(goIn);
  });
}
