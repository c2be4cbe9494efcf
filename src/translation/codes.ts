/**
 * Tables of HL7 v2 → codes of FHIR, as the v2-to-FHIR guide maps them (HL7 v2-to-FHIR 1.0, concept maps by table number);
 * where it is silent, as the comment says.
 */

/** Table 0396: coding systems by their v2 names. */
export const codingSystems: Readonly<Record<string, string>> = {
  LN: 'http://loinc.org',
  LNC: 'http://loinc.org',
  LOINC: 'http://loinc.org',
  SCT: 'http://snomed.info/sct',
  SNM: 'http://snomed.info/sct',
  SNOMEDCT: 'http://snomed.info/sct',
  UCUM: 'http://unitsofmeasure.org',
  I10: 'http://hl7.org/fhir/sid/icd-10',
  I10C: 'http://hl7.org/fhir/sid/icd-10-cm',
  I9: 'http://hl7.org/fhir/sid/icd-9-cm',
  I9C: 'http://hl7.org/fhir/sid/icd-9-cm',
  C4: 'http://www.ama-assn.org/go/cpt',
  CPT4: 'http://www.ama-assn.org/go/cpt',
  CVX: 'http://hl7.org/fhir/sid/cvx',
  MVX: 'http://hl7.org/fhir/sid/mvx',
  NDC: 'http://hl7.org/fhir/sid/ndc',
  RXNORM: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ISO3166_1: 'urn:iso:std:iso:3166',
  CDCREC: 'urn:oid:2.16.840.1.113883.6.238',
};

/** The system of a coding; `HL70001` and its like are the tables of v2; what is left is local to the sender. */
export function codingSystem(name: string): string | undefined {
  if (name === '') return undefined;
  const known = codingSystems[name.toUpperCase()];
  if (known !== undefined) return known;
  const [, table] = /^HL7-?(\d{4})$/i.exec(name) ?? [];
  if (table !== undefined) return `http://terminology.hl7.org/CodeSystem/v2-${table}`;
  if (/^[0-2](\.(0|[1-9]\d*))+$/.test(name)) return `urn:oid:${name}`;
  return /^[a-z]+:\S+$/i.test(name) ? name : localSystem(name);
}

/** Codes that only the sender knows: `L`, `99zzz`, or nothing. */
export function localSystem(name: string): string {
  return `urn:makhbar:hl7v2:code:${encodeURIComponent(name || 'L')}`;
}

/** Codes that only analyzers know (LIS02-A2). */
export const analyzerCodes = 'urn:makhbar:astm:code';

/** What analyzers call material for quality control. */
export const controlMaterial = 'urn:makhbar:control-material';

export function isLocalSystem(system: string): boolean {
  return system.startsWith('urn:makhbar:hl7v2:code:') || system === analyzerCodes;
}

/** Table 0001. */
export const genders: Readonly<Record<string, string>> = {
  F: 'female',
  M: 'male',
  O: 'other',
  U: 'unknown',
  A: 'other',
  N: 'other',
};

/**
 * Table 0085. O (order detail only) and N (not asked) have no target in the guide: nothing was observed, so the order is
 * registered. D and W say that what was sent before was wrong.
 */
export const resultStatuses: Readonly<Record<string, string>> = {
  C: 'corrected',
  D: 'entered-in-error',
  F: 'final',
  I: 'registered',
  N: 'registered',
  O: 'registered',
  P: 'preliminary',
  R: 'preliminary',
  S: 'preliminary',
  U: 'final',
  V: 'final',
  W: 'entered-in-error',
  X: 'cancelled',
  B: 'amended',
  A: 'amended',
};

/** Table 0123 → DiagnosticReport.status; Y and Z (no order, no record) have no target: unknown. */
export const reportStatuses: Readonly<Record<string, string>> = {
  A: 'partial',
  C: 'corrected',
  F: 'final',
  I: 'registered',
  M: 'final',
  N: 'registered',
  O: 'registered',
  P: 'preliminary',
  R: 'preliminary',
  S: 'registered',
  X: 'cancelled',
  Y: 'unknown',
  Z: 'unknown',
};

/** Table 0078, codes of v3-ObservationInterpretation. */
export const interpretations: ReadonlySet<string> = new Set([
  'L',
  'H',
  'LL',
  'HH',
  '<',
  '>',
  'N',
  'A',
  'AA',
  'U',
  'D',
  'B',
  'W',
  'S',
  'R',
  'I',
  'SDD',
  'NS',
  'POS',
  'NEG',
  'IND',
  'DET',
  'ND',
  'AC',
  'TOX',
  'QCF',
  'RR',
  'WR',
  'NR',
  'EXP',
  'UNE',
  'CAR',
  'E',
  'HU',
  'LU',
  'IE',
  'VS',
  'MS',
  'HX',
  'LX',
  'HM',
  'OBX',
]);

/** Table 0119 → ServiceRequest.status. */
export const orderStatuses: Readonly<Record<string, string>> = {
  NW: 'active',
  OK: 'active',
  SN: 'active',
  NA: 'active',
  XO: 'active',
  XX: 'active',
  RP: 'active',
  PA: 'active',
  CH: 'active',
  SC: 'active',
  RE: 'completed',
  CA: 'revoked',
  OC: 'revoked',
  CR: 'revoked',
  DC: 'revoked',
  OD: 'revoked',
  DR: 'revoked',
  HD: 'on-hold',
  OH: 'on-hold',
  RL: 'active',
  UA: 'entered-in-error',
};

/** Table 0038 → ServiceRequest.status; what the order itself says. */
export const orderStates: Readonly<Record<string, string>> = {
  A: 'active',
  CA: 'revoked',
  CM: 'completed',
  DC: 'revoked',
  ER: 'entered-in-error',
  HD: 'on-hold',
  IP: 'active',
  RP: 'revoked',
  SC: 'active',
};

/** Tables 0027 and 0485 → request-priority. */
export const priorities: Readonly<Record<string, string>> = {
  S: 'stat',
  A: 'asap',
  R: 'routine',
  P: 'urgent',
  C: 'urgent',
  T: 'urgent',
};

/** Table 0004 → v3-ActCode. */
export const encounterClasses: Readonly<Record<string, string>> = {
  E: 'EMER',
  I: 'IMP',
  O: 'AMB',
  P: 'PRENC',
  R: 'AMB',
  B: 'IMP',
};

/** Table 0190 → address use and type. */
export const addressUses: Readonly<Record<string, string>> = {
  H: 'home',
  B: 'work',
  O: 'work',
  C: 'temp',
  BA: 'old',
  TM: 'temp',
};

/** Table 0200 → name use. */
export const nameUses: Readonly<Record<string, string>> = {
  L: 'official',
  D: 'usual',
  M: 'maiden',
  N: 'nickname',
  S: 'anonymous',
  T: 'temp',
  A: 'nickname',
  B: 'old',
};

/** Table 0203: types of identifiers, those that the guide gives a use. */
export const identifierTypes = 'http://terminology.hl7.org/CodeSystem/v2-0203';
