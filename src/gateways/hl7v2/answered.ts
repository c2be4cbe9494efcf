/**
 * What a peer's acknowledgement says of a message that we sent. HL7 v2.5.1 §2.9.2 (original mode), §2.9.3 (enhanced mode),
 * §2.15.5 (ERR), tables 0008 and 0357. Pure.
 *
 *   asked    | AA   | CA       | AE, CE  | AR, CR
 *   original | sent | sent     | refused | refused; passing where ERR says 206, 207
 *   commit   | sent | sent     | refused | the same
 *   enhanced | sent | accepted | refused | the same
 *
 * An ORL answers an order by itself (table 0119): AA with one that the peer is unable to take is a refusal. Analyzers are
 * read step by step elsewhere (law/order-response.ts).
 */
import type { JsonObject } from '../../fhir/json.ts';
import { decodeMessage } from '../../hl7v2/charset.ts';
import { NoMessage, parseMessage, readSegments, type FieldReader } from '../../hl7v2/message.ts';

export interface Answered {
  readonly kind: 'sent' | 'accepted' | 'refused' | 'passing';
  /** MSA-1; '' for what is no acknowledgement. */
  readonly code: string;
  readonly problems: readonly JsonObject[];
  /** Names no patient: codes only. */
  readonly sentence: string;
}

/** Table 0357: the record is locked, an error inside the application. */
const passing = new Set(['206', '207']);

export interface Asked {
  readonly mode: 'original' | 'commit' | 'enhanced';
  /** Whether what it says of each order counts. */
  readonly orders: boolean;
}

/** Table 0119: unable to accept, cancel, discontinue, fill, hold, replace, release, change. */
const unable: ReadonlySet<string> = new Set(['UA', 'UC', 'UD', 'UF', 'UH', 'UM', 'UR', 'UX']);

export function readAnswer(answer: Buffer, { mode, orders }: Asked): Answered {
  const segments = segmentsOf(answer);
  const msa = segments.find(({ name }) => name === 'MSA');
  const code = msa?.text(1) ?? '';
  const problems = segments.filter(({ name }) => name === 'ERR').map(problemOf);
  if (problems.length === 0 && msa !== undefined && msa.text(3) !== '') {
    problems.push({ code: msa.text(6), severity: 'E', sentence: msa.text(3).slice(0, 500) });
  }
  const codes = problems.map((problem) => String(problem['code'])).filter((one) => /^[A-Za-z0-9.]{1,20}$/.test(one));
  const sentence = `The peer answered ${/^[A-Z]{2}$/.test(code) ? code : 'what is no acknowledgement'}${
    codes.length === 0 ? '' : ` (${codes.slice(0, 5).join(', ')})`
  }.`;
  const [left] = segments.flatMap((one) => (one.name === 'ORC' && unable.has(one.text(1)) ? [one.text(1)] : []));
  if (code === 'AA' && orders && left !== undefined) {
    const refusal = `The peer answered AA and that it is unable to do what the order says (ORC-1 ${left}).`;
    return { kind: 'refused', code, problems, sentence: refusal };
  }
  return { kind: kindOf(code, { asked: mode, codes }), code, problems, sentence };
}

function kindOf(
  code: string,
  { asked, codes }: { readonly asked: string; readonly codes: readonly string[] },
): Answered['kind'] {
  if (code === 'AA') return 'sent';
  if (code === 'CA') return asked === 'enhanced' ? 'accepted' : 'sent';
  if (code === 'AR' || code === 'CR') return codes.some((one) => passing.has(one)) ? 'passing' : 'refused';
  return code === 'AE' || code === 'CE' ? 'refused' : 'passing';
}

function segmentsOf(answer: Buffer): FieldReader[] {
  try {
    return readSegments(parseMessage(decodeMessage(answer).text));
  } catch (error) {
    if (error instanceof NoMessage) return [];
    throw error;
  }
}

/** ERR-3 since 2.5; before, the fourth component of ERR-1 with its code in subcomponents. */
function problemOf(err: FieldReader): JsonObject {
  const [code, name] = err.text(3) === '' ? [err.text(1, 4), err.text(1, 4, 2)] : [err.text(3), err.text(3, 2)];
  const place = err.first(2).empty ? err.first(1) : err.first(2);
  const [segment, sequence, field] = [place.text(1), Number(place.text(2)), Number(place.text(3))];
  return {
    code,
    severity: err.text(4) || 'E',
    sentence: (err.text(8) || err.text(7) || name || err.text(3, 9)).slice(0, 500),
    ...(/^[A-Z][A-Z0-9]{2}$/.test(segment) && {
      place: { segment, ...(sequence > 0 && { sequence }), ...(field > 0 && { field }) },
    }),
  };
}
