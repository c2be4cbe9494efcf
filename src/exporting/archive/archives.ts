/** The table of archives. */
import { astmArchive } from './astm.ts';
import type { Archive, FormatName } from './format.ts';
import { hl7v2Archive } from './hl7v2.ts';

/** None where the files have the resources themselves. */
export const archives: Readonly<Record<FormatName, Archive | undefined>> = {
  ndjson: undefined,
  hl7v2: hl7v2Archive,
  astm: astmArchive,
};
