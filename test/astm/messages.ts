/** Messages of our own, as analyzers send them: one record a line. */
export const chemistry = [
  'H|\\^&|||Chem^1.2^77|||||LIS||P|LIS2-A2|20260301101500',
  'P|1||P-4711||Haddad^Samir||19710512|M',
  'O|1|S260301-0007||^^^GLU\\^^^CREA|R||20260301093000||||N||||SER||||||||||F',
  'R|1|^^^GLU|5.40|mmol/L|3.9 to 6.1|N||F||OP1|20260301100900|20260301101200|Chem-77',
  'C|1|I|SLIGHTLY HAEMOLYTIC|I',
  'R|2|^^^CREA|1.00|mg/dL|0.6 to 1.2|N||F||OP1|20260301100900|20260301101300|Chem-77',
  'L|1|N',
];

export function bytesOf(records: readonly string[], encoding: BufferEncoding = 'utf8'): Buffer[] {
  return records.map((record) => Buffer.from(`${record}\r`, encoding));
}
