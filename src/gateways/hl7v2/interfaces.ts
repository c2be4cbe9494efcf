/** The HL7 v2 interfaces of laboratories (../interfaces.ts). */
import type { Server } from '../../request.ts';
import type { Tenant } from '../../store/tenants.ts';
import {
  readServed as readOf,
  watchInterfaces as watch,
  type Interfaces as Of,
  type Served as One,
} from '../interfaces.ts';
import { readInterface, type Interface } from './settings.ts';

export type Served = One<Interface>;
export type Interfaces = Of<Interface>;

export function watchInterfaces(server: Server, changed: () => Promise<void>): Promise<Interfaces> {
  return watch(server, readInterface, changed);
}

/** The interfaces of one laboratory. */
export function readServed(server: Server, tenant: Tenant): Promise<Served[]> {
  return readOf(server, tenant, { read: readInterface });
}
