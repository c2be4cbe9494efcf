/**
 * search of a type, of everything, of a compartment; by GET and by POST _search. https://hl7.org/fhir/R4/http.html#search
 */
import { bundleText, type BundleEntry } from '../fhir/bundle-text.ts';
import { decodeUtf8 } from '../fhir/json.ts';
import { operationOutcome, outcomeError, type Issue } from '../fhir/outcome.ts';
import { typeName } from '../fhir/resource-types.ts';
import { parseQuery } from '../fhir/query.ts';
import { parseSubset, type Subset } from '../fhir/summary.ts';
import type { Answer, Context, Parameters } from '../request.ts';
import type { Access, Condition, Search } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import { parseSearch } from '../search/parse.ts';
import type { Stored } from '../store/read.ts';
import { positionFrom, positionValues, runSearch, type SearchPage } from '../store/search.ts';
import type { SearchEvent } from '../store/search-event.ts';
import { accessOf } from './access.ts';
import { eventOfSearch } from './audited.ts';
import { searchAuditEvents } from './audit-search.ts';
import { openedAll } from './binary-sealed.ts';
import { mediaType } from './body.ts';
import type { Call } from './call.ts';
import { openCursor } from './cursor.ts';
import { askedExplanation, explainAnswer } from './explain.ts';
import { preferredHandling, valuesOf } from './headers.ts';
import { withNamedQuery } from './named-query.ts';
import { linksOf, scopeOf, type Paging } from './search-links.ts';
import { searchParametersOf } from './search-parameters.ts';
import { subsetText } from './subset.ts';
import { showed } from './trail.ts';

export function search(context: Context, call: Call): Promise<Answer> {
  return answerSearch(context, call, { type: call.target.type });
}

export function searchSystem(context: Context, call: Call): Promise<Answer> {
  return answerSearch(context, call, {});
}

/** `Patient/1/Observation`, `Patient/1/*` */
export function searchCompartment(context: Context, call: Call): Promise<Answer> {
  const { type, id, member } = call.target;
  const compartment = compartmentCondition(type, id, searchParametersOf(context));
  return answerSearch(context, call, { compartment, ...(member !== '*' && { type: member }) });
}

async function answerSearch(context: Context, call: Call, what: Pick<Asked, 'type' | 'compartment'>): Promise<Answer> {
  const query = [...call.query, ...(await formParameters(call))];
  if (what.type === undefined) checkTypes(query);
  if (what.type === 'AuditEvent') {
    const { compartment } = what;
    return searchAuditEvents(context, call, { query, access: accessOf(context), ...(compartment && { compartment }) });
  }
  const event = await eventOfSearch(context);
  return searchAnswer(context, call, { ...what, query, access: accessOf(context), event });
}

/** The audit log is apart from the resources: it is searched by itself. */
function checkTypes(query: Parameters): void {
  if (valuesOf(query, '_type').some((types) => types.split(',').includes('AuditEvent'))) {
    throw outcomeError('not-supported', 'AuditEvents are not searched together with other types; search AuditEvent.', {
      status: 400,
    });
  }
}

export interface Asked {
  /** Undefined searches all types. */
  readonly type?: string;
  readonly query: Parameters;
  /** A condition besides those of the query. */
  readonly compartment?: Condition;
  readonly access: Access;
  /** The parameters for the links, where they are not those of the query that were understood. */
  readonly shown?: Parameters;
  /** Of a search that is the whole interaction: to be stored with it. */
  readonly event?: SearchEvent | undefined;
}

/** A page of a search as a Bundle; its links lead back to the path of `call`. */
export async function searchAnswer(context: Context, call: Call, asked: Asked): Promise<Answer> {
  const { type, compartment, access } = asked;
  const query = withNamedQuery(type, asked.query);
  const explanation = askedExplanation(context.caller, query);
  const parsed = parseSearch(type, query, {
    parameters: searchParametersOf(context),
    access,
    handling: preferredHandling(call),
    ...(compartment && { compartment }),
  });
  const subset = subsetFor(query, type, parsed);
  const paging: Paging = { context, call, kind: 'search', shown: asked.shown ?? parsed.processed };
  const [cursor] = valuesOf(query, '_cursor');
  const position = cursor === undefined ? undefined : positionFrom(openCursor(context, scopeOf(paging), cursor));
  if (explanation !== undefined) {
    return explainAnswer(context.session, parsed, explanation, (session) => runSearch(session, parsed, position));
  }
  const page = await runSearch(context.session, parsed, position, { event: asked.event });
  context.trail.stored = page.audited;
  [...page.matches, ...page.included].forEach((stored) => showed(context.trail, stored));
  const [matches, included] = [await openedAll(context, page.matches), await openedAll(context, page.included)];
  const entries = [
    ...matches.map((match) => entry(context, match, 'match', subset)),
    ...included.map((match) => entry(context, match, 'include', subset)),
    ...remarks(parsed, page),
  ];
  const links = linksOf(paging, {
    current: cursor,
    previous: page.previous && positionValues(page.previous),
    next: page.next && positionValues(page.next),
  });
  const timestamp = new Date().toISOString();
  return { status: 200, text: bundleText({ type: 'searchset', total: page.total, links, timestamp }, entries) };
}

function subsetFor(query: Parameters, type: string | undefined, parsed: Search): Subset | undefined {
  const subset = parseSubset({
    summary: valuesOf(query, '_summary'),
    elements: valuesOf(query, '_elements'),
    types: type === undefined ? [] : [type],
    search: true,
    includes: parsed.includes.length > 0,
  });
  return subset === 'count' ? undefined : subset;
}

/** Bytes of a form: a search of 64,000 characters (search/parse.ts) with each of them escaped. */
const mostForm = 1_048_576;

/** The parameters in the body of POST _search. */
async function formParameters(call: Call): Promise<Parameters> {
  if (call.method !== 'POST' || call.body === undefined) {
    return [];
  }
  if (
    call.body.resource !== undefined ||
    mediaType(call.body.contentType).type !== 'application/x-www-form-urlencoded'
  ) {
    throw outcomeError(
      'not-supported',
      'The parameters of a POST _search must be sent as application/x-www-form-urlencoded.',
      {
        status: 415,
      },
    );
  }
  return parseQuery(decodeUtf8(await call.body.read(mostForm)), 'The form in the body');
}

function entry(context: Context, stored: Stored, mode: 'match' | 'include', subset: Subset | undefined): BundleEntry {
  return {
    fullUrl: fullUrl(context, stored),
    text: subsetText(stored.text ?? '', subset, mode === 'include'),
    search: { mode },
  };
}

/** A contained resource is named by its container and, behind #, its id there. https://hl7.org/fhir/R4/search.html#contained */
function fullUrl({ base }: Context, { type, id, within }: Stored): string {
  return within === undefined
    ? `${base}/${typeName(type)}/${id}`
    : `${base}/${typeName(within.type)}/${within.id}#${id}`;
}

/** What was left out is said. */
function remarks(parsed: Search, page: SearchPage): BundleEntry[] {
  const issues: Issue[] = parsed.ignored.map((diagnostics) => ({
    severity: 'warning',
    code: 'not-supported',
    diagnostics,
  }));
  if (page.truncated) {
    issues.push({
      severity: 'warning',
      code: 'incomplete',
      diagnostics:
        'More resources would be included with this page than it may carry; ask for a smaller page by _count.',
    });
  }
  return issues.length === 0 ? [] : [{ text: JSON.stringify(operationOutcome(issues)), search: { mode: 'outcome' } }];
}
