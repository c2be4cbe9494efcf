/** What the transports of analyzers share: the server, the turns of interfaces, the drivers. */
import { generic, type Driver } from '../../astm/driver.ts';
import { makeRoom, type Room } from '../../astm/room.ts';
import type { LinkSettings } from '../../astm/settings.ts';
import type { Server } from '../../request.ts';
import type { Interfaces, Served } from '../interfaces.ts';
import type { Turns } from '../turns.ts';
import type { Drivers } from './drivers.ts';
import type { AstmInterface } from './settings.ts';

export type ServedAstm = Served<AstmInterface>;
export type AstmInterfaces = Interfaces<AstmInterface>;

export interface Gateway {
  readonly server: Server;
  readonly turns: Turns;
  readonly drivers: Drivers;
  /** For what lines have of messages that are not complete; absent where there are none. */
  readonly room?: Room;
}

/** Bytes of messages that are not complete, of all lines: eight of the longest, or half a megabyte each of five hundred. */
const mostUnderWay = 256 * 1024 * 1024;

export function roomOfLines(): Room {
  return makeRoom(mostUnderWay);
}

/** An interface whose driver is gone keeps to the standard: its messages are kept, and wait where they cannot be read. */
export function driverOf({ drivers }: Pick<Gateway, 'drivers'>, { driver }: Pick<AstmInterface, 'driver'>): Driver {
  return drivers.get(driver) ?? generic;
}

export function linkOf(gateway: Pick<Gateway, 'drivers'>, own: AstmInterface): LinkSettings {
  const { link } = driverOf(gateway, own);
  return own.frame === undefined ? link : { ...link, frameOut: own.frame };
}
