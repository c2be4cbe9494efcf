/** Specimen → SPM and SAC, the way back of ../specimen.ts; before 2.5, OBR-15. HL7 v2.5.1 §7.4.3, §13.4.3. */
import { numberText, type JsonObject } from '../../fhir/json.ts';
import { concept, entityIdentifier } from './datatypes.ts';
import { list, member, since, string, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { unitText, withoutExponent } from './value.ts';
import { components, nested, repetitions, segment, text } from './writer.ts';

interface Numbered {
  readonly number: number;
  readonly writing: Writing;
}

function isSame(one: JsonObject | undefined, other: JsonObject | undefined): boolean {
  return one !== undefined && one['value'] === other?.['value'] && one['system'] === other?.['system'];
}

/** None where there is no specimen, or the version knows no SPM. */
export function specimenSegments(specimen: JsonObject | undefined, { number, writing }: Numbered): string[] {
  if (specimen === undefined || !since(writing.version, '2.5')) return [];
  const [first, second] = list(specimen['identifier']);
  const accession = member(specimen, 'accessionIdentifier') ?? second ?? first;
  const placer = isSame(first, accession) ? undefined : first;
  const collection = member(specimen, 'collection');
  const status = string(specimen['status']);
  const container = list(list(specimen['container'])[0]?.['identifier'])[0];
  const spm = segment('SPM', {
    1: String(number),
    2: components(nested(entityIdentifier(placer, writing)), nested(entityIdentifier(accession, writing))),
    4: concept(specimen['type'], writing),
    7: concept(collection?.['method'], writing),
    8: concept(collection?.['bodySite'], writing),
    12: amount(member(collection, 'quantity'), writing),
    14: repetitions(list(specimen['note']).map((note) => text(string(note['text'])))),
    17: collected(collection, writing.zone),
    18: timeText(specimen['receivedTime'], writing.zone),
    20: status === 'unsatisfactory' || status === 'unavailable' ? 'N' : 'Y',
    24: repetitions(list(specimen['condition']).map((one) => concept(one, writing))),
  });
  return container === undefined ? [spm] : [spm, segment('SAC', { 3: entityIdentifier(container, writing) })];
}

/** SPS: the source as text, before there was SPM. */
export function specimenSource(specimen: JsonObject | undefined, writing: Writing): string {
  if (specimen === undefined || since(writing.version, '2.5')) return '';
  return nested(concept(specimen['type'], writing));
}

function amount(quantity: JsonObject | undefined, writing: Writing): string {
  if (quantity?.['value'] === undefined) return '';
  return components(withoutExponent(numberText(quantity, 'value')), nested(unitText(quantity, writing)));
}

function collected(collection: JsonObject | undefined, zone: string): string {
  const period = member(collection, 'collectedPeriod');
  const start = timeText(collection?.['collectedDateTime'] ?? period?.['start'], zone);
  return components(start, timeText(period?.['end'], zone));
}
