/** The organisms of $enter-culture with their susceptibilities, judged; each with the sentence that refuses another. */
import { numberText, type JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import type { Antibiogram, Drug, NamedOrganism } from '../../../laboratory/microbiology/antibiogram.ts';
import {
  chooseBreakpoint,
  isIntrinsic,
  judge,
  readingOf,
  type Judged,
  type Method,
  type Reading,
} from '../../../laboratory/microbiology/interpret.ts';
import { suppression, type Tested } from '../../../laboratory/microbiology/reporting.ts';
import { objects, object, snomedSystem, text } from '../../../laboratory/terms.ts';
import type { Input } from '../../parameters.ts';
import { missing } from '../../request-input.ts';

const most = { isolates: 10, drugs: 60 } as const;

export interface GivenSusceptibility {
  readonly drug: Drug;
  readonly method: Method;
  readonly reading?: Reading;
  readonly judged: Judged;
  /** Why it is not reported. */
  readonly suppressed?: string;
}

export interface GivenIsolate {
  readonly isolate: string;
  readonly organism: NamedOrganism;
  readonly count?: string;
  readonly susceptibilities: readonly GivenSusceptibility[];
}

export function isolatesIn(input: Input, data: Antibiogram, standard: string | undefined): GivenIsolate[] {
  const given = input.parts('organism');
  if (given.length > most.isolates) tooMany('organisms', most.isolates);
  if (standard !== undefined && !data.breakpoints.some((one) => one.standard === standard)) {
    throw outcomeError('business-rule', `There are no breakpoints of the standard "${standard.slice(0, 40)}".`);
  }
  const isolates = given.map((parts, i) => isolateIn(parts, data, { standard, at: i + 1 }));
  const twice = isolates.find(({ isolate }, i) => isolates.findIndex((one) => one.isolate === isolate) < i);
  if (twice !== undefined)
    throw outcomeError('duplicate', `The isolate ${twice.isolate} is given twice.`, { status: 422 });
  return isolates;
}

function tooMany(what: string, number: number): never {
  throw outcomeError('too-costly', `A culture has ${number} ${what} at most.`);
}

const known = ['organism', 'isolate', 'count', 'susceptibility'];
const knownOfDrug = ['drug', 'method', 'value', 'interpretation', 'report'];

function check(parts: readonly JsonObject[], names: readonly string[], of: string): void {
  const other = parts.find(({ name }) => !names.includes(String(name)));
  if (other === undefined) return;
  throw outcomeError('not-supported', `${of} has no part "${String(other['name']).slice(0, 60)}".`, { status: 400 });
}

/** The text of a part; of a Coding `system|code`. */
function part(parts: readonly JsonObject[], name: string): string | undefined {
  const found = parts.find((one) => one['name'] === name);
  const key = Object.keys(found ?? {}).find((one) => /^value[A-Z]/.test(one));
  if (found === undefined || key === undefined) return undefined;
  const coding = object(found[key]);
  if (coding['code'] !== undefined) return `${text(coding['system']) ?? ''}|${text(coding['code']) ?? ''}`;
  const written = typeof found[key] === 'number' ? numberText(found, key) : (text(found[key]) ?? '').trim();
  if (written !== '' && written.length <= 200 && !written.includes('\0') && written.isWellFormed()) return written;
  throw outcomeError('invalid', `${name} takes 1 to 200 characters.`, { status: 400 });
}

interface Asked {
  readonly standard: string | undefined;
  readonly at: number;
}

function isolateIn(parts: readonly JsonObject[], data: Antibiogram, { standard, at }: Asked): GivenIsolate {
  check(parts, known, 'organism');
  const token = part(parts, 'organism') ?? missing('organism');
  const organism = data.organisms.find(({ code, snomed }) =>
    [code, snomed, `${snomedSystem}|${snomed}`].includes(token),
  );
  if (organism === undefined) {
    throw outcomeError(
      'business-rule',
      `There is no organism "${token.slice(0, 80)}" in the laboratory's tables (Library, topic antibiogram).`,
    );
  }
  const drugs = parts.filter(({ name }) => name === 'susceptibility').map((one) => objects(one['part']));
  if (drugs.length > most.drugs) tooMany('drugs of an organism', most.drugs);
  const isolate = part(parts, 'isolate') ?? String(at);
  if (!/^[\w.-]{1,20}$/.test(isolate)) {
    throw outcomeError('invalid', 'isolate is a number or a letter, such as 1.', { status: 400 });
  }
  const count = part(parts, 'count');
  const tested = drugs.map((one) => susceptibilityIn(one, data, { organism, standard }));
  const susceptibilities = tested.map((one, i) => reported(one, drugs[i] ?? [], { data, organism, tested }));
  const keys = susceptibilities.map(({ drug, method }) => `${drug.code} by ${method}`);
  const twice = keys.find((key, i) => keys.indexOf(key) < i);
  if (twice !== undefined) throw outcomeError('duplicate', `${twice} is given twice.`, { status: 422 });
  return { isolate, organism, susceptibilities, ...(count !== undefined && { count }) };
}

/** By the laboratory's rules, unless the call says whether it is to be reported. */
function reported(
  own: GivenSusceptibility,
  parts: readonly JsonObject[],
  { data, organism, tested }: { data: Antibiogram; organism: NamedOrganism; tested: readonly GivenSusceptibility[] },
): GivenSusceptibility {
  const said = parts.find(({ name }) => name === 'report');
  if (said !== undefined && typeof said['valueBoolean'] !== 'boolean') {
    throw outcomeError('invalid', 'report is true or false.', { status: 400 });
  }
  if (said?.['valueBoolean'] === true) return own;
  const of = ({ drug, judged }: GivenSusceptibility): Tested => ({ drug: drug.code, category: judged.category });
  const suppressed =
    said === undefined
      ? suppression(data.reporting, organism, of(own), tested.map(of))
      : 'Not reported: the laboratory said so';
  return suppressed === undefined ? own : { ...own, suppressed };
}

function susceptibilityIn(
  parts: readonly JsonObject[],
  data: Antibiogram,
  { organism, standard }: { organism: NamedOrganism; standard: string | undefined },
): GivenSusceptibility {
  check(parts, knownOfDrug, 'susceptibility');
  const token = part(parts, 'drug') ?? missing('drug');
  const drug = data.drugs.find(({ code, loinc }) => token === code || token === `http://loinc.org|${loinc}`);
  if (drug === undefined)
    throw outcomeError('business-rule', `There is no drug "${token.slice(0, 80)}" in the tables.`);
  const method = part(parts, 'method') ?? 'mic';
  if (method !== 'mic' && method !== 'disk') {
    throw outcomeError('invalid', `method is mic or disk, not "${method.slice(0, 20)}".`, { status: 400 });
  }
  const [written, given] = [part(parts, 'value'), part(parts, 'interpretation')];
  if (given !== undefined && given !== 'S' && given !== 'I' && given !== 'R') {
    throw outcomeError('invalid', `interpretation is S, I or R, not "${given.slice(0, 20)}".`, { status: 400 });
  }
  const reading = written === undefined ? undefined : readingOf(written);
  if (written !== undefined && reading === undefined) {
    throw outcomeError(
      'value',
      `${drug.name}: "${written.slice(0, 40)}" is no concentration or zone such as <=0.25 or 17.`,
    );
  }
  if (isIntrinsic(data.resistances, organism, drug.code)) {
    const judged: Judged = { category: 'R', because: `${organism.name} is intrinsically resistant` };
    return { drug, method, judged, ...(reading !== undefined && { reading }) };
  }
  if (reading === undefined && given === undefined) missing('value');
  if (given !== undefined) {
    const judged: Judged = { category: given, because: 'Interpreted by the laboratory' };
    return { drug, method, judged, ...(reading !== undefined && { reading }) };
  }
  const asked = { drug: drug.code, method, ...(standard !== undefined && { standard }) } as const;
  const breakpoint = chooseBreakpoint(data.breakpoints, organism, asked);
  const judged = breakpoint === undefined ? { because: 'No breakpoint' } : judge(reading!, breakpoint);
  return { drug, method, judged, ...(reading !== undefined && { reading }) };
}
