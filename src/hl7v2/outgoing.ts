/**
 * The table of messages that are made: MSH-9 → the types of resources whose changes they tell. Which changes, the rules of
 * an interface say (Endpoint, extension hl7v2-interface, `send`).
 */
export const outgoingTypes: Readonly<Record<string, readonly string[]>> = {
  'ADT^A01': ['Encounter'],
  'ADT^A03': ['Encounter'],
  'ADT^A04': ['Patient', 'Encounter'],
  'ADT^A08': ['Patient', 'Encounter'],
  'ADT^A11': ['Encounter'],
  'ADT^A28': ['Patient'],
  'ADT^A31': ['Patient'],
  'OML^O21': ['ServiceRequest'],
  'OML^O33': ['ServiceRequest'],
  'ORU^R01': ['DiagnosticReport', 'Observation'],
  'OUL^R22': ['DiagnosticReport', 'Observation'],
};

/**
 * What says that it is not so any more, where that is a message of its own. HL7 v2.5.1 §3.3.29: A29 takes back what A28 and
 * A31 said of a person; §3.3.23: A23 deletes the record of a patient, as A04 and A08 told it; §3.3.11: A11 says of a visit
 * that it is none. Results and orders are taken back by the message that told them: OBR-25 X, OBX-11 D or W, ORC-1 CA.
 */
const withdrawals: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Patient: { 'ADT^A04': 'ADT^A23', 'ADT^A08': 'ADT^A23', 'ADT^A28': 'ADT^A29', 'ADT^A31': 'ADT^A29' },
  Encounter: { 'ADT^A01': 'ADT^A11', 'ADT^A03': 'ADT^A11', 'ADT^A04': 'ADT^A11', 'ADT^A08': 'ADT^A11' },
};

/** The message that takes back what another told of a resource of the type. */
export function withdrawalOf(type: string, message: string): string {
  return withdrawals[type]?.[message] ?? message;
}

/** Versions of the standard that messages are written in. */
export const outgoingVersions = ['2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8'] as const;
export type OutgoingVersion = (typeof outgoingVersions)[number];
