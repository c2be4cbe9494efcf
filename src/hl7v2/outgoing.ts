/**
 * The table of messages that are made: MSH-9 → the types of resources whose changes they tell. Which changes, the rules of
 * an interface say (Endpoint, extension hl7v2-interface, `send`).
 */
export const outgoingTypes: Readonly<Record<string, readonly string[]>> = {
  'ADT^A04': ['Patient'],
  'ADT^A08': ['Patient'],
  'ADT^A28': ['Patient'],
  'ADT^A31': ['Patient'],
  'OML^O21': ['ServiceRequest'],
  'OML^O33': ['ServiceRequest'],
  'ORU^R01': ['DiagnosticReport', 'Observation'],
  'OUL^R22': ['DiagnosticReport', 'Observation'],
};

/** Versions of the standard that messages are written in. */
export const outgoingVersions = ['2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8'] as const;
export type OutgoingVersion = (typeof outgoingVersions)[number];
