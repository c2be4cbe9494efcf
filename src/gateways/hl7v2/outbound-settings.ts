/** The outgoing side of an HL7 v2 interface: parts of its extension (profiles/hl7v2-interface.json). Pure. */
import type { JsonObject } from '../../fhir/json.ts';
import { outgoingVersions, type OutgoingVersion } from '../../hl7v2/outgoing.ts';

export interface Part {
  readonly url?: string;
  readonly valueString?: string;
  readonly valueCode?: string;
  readonly valueUri?: string;
  readonly valueCanonical?: string;
  readonly extension?: readonly Part[];
  readonly valueBoolean?: boolean;
}

/** Which changes become which messages. */
export interface SendRule {
  /** MSH-9: `ORU^R01`. */
  readonly message: string;
  /** `DiagnosticReport?status=final`. */
  readonly criteria: string;
}

export interface Outbound {
  /** `mllp://host:port` or `mllps://host:port`. */
  readonly to: string;
  /** MSH-3 and MSH-4; '' for the names of the server and the laboratory. */
  readonly ownApplication: string;
  readonly ownFacility: string;
  /** MSH-5 and MSH-6. */
  readonly toApplication: string;
  readonly toFacility: string;
  readonly version: OutgoingVersion;
  /** §2.9.2 and §2.9.3; `commit` asks for no application acknowledgement. */
  readonly acknowledgement: 'original' | 'commit' | 'enhanced';
  /** Seconds. */
  readonly timeout: number;
  readonly send: readonly SendRule[];
}

export type OutboundGiven = Pick<Outbound, 'to' | 'send'> & Partial<Outbound>;

const texts = ['ownApplication', 'ownFacility', 'toApplication', 'toFacility'] as const;

/** Undefined where nothing goes out. */
export function readOutbound(parts: readonly Part[]): Outbound | undefined {
  const one = (wanted: string): string => parts.find(({ url }) => url === wanted)?.valueString ?? '';
  const to = one('to');
  if (to === '') return undefined;
  const acknowledgement = one('acknowledgement');
  return {
    to,
    ownApplication: one('ownApplication'),
    ownFacility: one('ownFacility'),
    toApplication: one('toApplication'),
    toFacility: one('toFacility'),
    version: outgoingVersions.find((version) => version === one('version')) ?? '2.5.1',
    acknowledgement: acknowledgement === 'commit' || acknowledgement === 'enhanced' ? acknowledgement : 'original',
    timeout: Number(one('timeout')) || 30,
    send: parts.filter(({ url }) => url === 'send').map(ruleOf),
  };
}

function ruleOf({ extension = [] }: Part): SendRule {
  const part = (wanted: string): string => extension.find(({ url }) => url === wanted)?.valueString ?? '';
  return { message: part('message'), criteria: part('criteria') };
}

export function outboundParts({ to, send, version, acknowledgement, timeout, ...names }: OutboundGiven): JsonObject[] {
  const text = (url: string, value: string | undefined): JsonObject[] =>
    value === undefined || value === '' ? [] : [{ url, valueString: value }];
  return [
    ...text('to', to),
    ...texts.flatMap((name) => text(name, names[name])),
    ...text('version', version),
    ...text('acknowledgement', acknowledgement),
    ...text('timeout', timeout?.toString()),
    ...send.map(({ message, criteria }) => ({
      url: 'send',
      extension: [
        { url: 'message', valueString: message },
        { url: 'criteria', valueString: criteria },
      ],
    })),
  ];
}
