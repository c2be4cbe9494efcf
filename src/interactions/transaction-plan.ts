/**
 * What the entries of a transaction mean, decided before anything is written: which resource each concerns, under
 * which id, and at which version it is now (locked).
 */
import { phaseOf, type EntryRequest } from '../fhir/bundle.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context, Parameters, Request } from '../request.ts';
import { lockCriteria } from '../store/lock.ts';
import { checkSecurityContext } from './binary-security.ts';
import type { Call } from './call.ts';
import { atMostOne, criteriaText, lockAndFind, parseCriteria } from './conditional.ts';
import { storing } from './processing-restriction.ts';
import { parseStored } from './document.ts';
import { entryRequest } from './entry.ts';
import { criteriaOf, ifMatch, versionConflict } from './headers.ts';
import type { Match } from './matches.ts';
import { checkId, demandedVersion, demandOf, newIntent } from './update.ts';
import { newId } from './new-id.ts';
import { inEntry, inEntryConflict, withCurrent, type WritePlan } from './transaction-current.ts';

export interface Plan {
  readonly writes: readonly WritePlan[];
  /** Conditional creates that found their resource. */
  readonly existing: readonly { entry: EntryRequest; call: Call; match: Match }[];
  /** Deletions of what is not there. */
  readonly nothing: readonly { entry: EntryRequest; call: Call }[];
  readonly reads: readonly { entry: EntryRequest; request: Request }[];
}

interface Draft {
  writes: WritePlan[];
  existing: { entry: EntryRequest; call: Call; match: Match }[];
  nothing: { entry: EntryRequest; call: Call }[];
  reads: { entry: EntryRequest; request: Request }[];
}

interface Admitted {
  readonly entry: EntryRequest;
  readonly call: Call;
}

/** @throws OutcomeError naming the entry that cannot be part of a transaction. */
export async function planTransaction(
  context: Context,
  entries: readonly EntryRequest[],
  prefer: string,
): Promise<Plan> {
  const draft: Draft = { writes: [], existing: [], nothing: [], reads: [] };
  const writing: Admitted[] = [];
  for (const entry of entries) {
    const request = entryRequest(entry, prefer);
    const { interaction, call } = inEntry(entry, () => context.door.admit(context, request));
    if (
      entry.method === 'GET' ||
      entry.method === 'HEAD' ||
      call.target.operation !== '' ||
      interaction.startsWith('search-')
    ) {
      draft.reads.push({ entry, request });
    } else {
      writing.push({ entry, call });
    }
  }
  await lockCriteria(
    context.session,
    writing.flatMap((one) => conditionOf(one) ?? []),
  );
  refuseTwice(
    writing.flatMap((one) => conditionOf(one) ?? []),
    'The criteria',
  );
  for (const admitted of writing.sort((a, b) => phaseOf(a.entry) - phaseOf(b.entry))) {
    await planWrite(context, admitted, draft).catch((error: unknown) => {
      throw error instanceof Error ? inEntryConflict(admitted.entry, error) : error;
    });
  }
  refuseTwice(
    draft.writes.map((write) => `${write.type}/${write.id}`),
    'The resource',
  );
  const writes = await withCurrent(context, draft.writes, draft.nothing);
  await checkBinaries(context, writes);
  return { ...draft, writes };
}

async function checkBinaries(context: Context, writes: readonly WritePlan[]): Promise<void> {
  for (const { type, current } of writes) {
    if (type === 'Binary' && current !== undefined) {
      await checkSecurityContext(context, parseStored(current.text ?? ''));
    }
  }
}

/** The criteria of a conditional entry, as text to lock on. */
function conditionOf({ entry, call }: Admitted): string | undefined {
  const { type, id } = call.target;
  if (entry.method === 'POST') {
    const criteria = entry.headers['if-none-exist'];
    return criteria === undefined ? undefined : criteriaText(type, criteriaOf(parseCriteria(type, criteria)));
  }
  return id === '' ? criteriaText(type, criteriaOf(call.query)) : undefined;
}

function refuseTwice(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw outcomeError(
        'duplicate',
        `${what} ${name.split('?')[0]} stands in more than one entry of the transaction; each may be written once.`,
        {
          status: 400,
        },
      );
    }
    seen.add(name);
  }
}

async function planWrite(context: Context, admitted: Admitted, draft: Draft): Promise<void> {
  const { entry, call } = admitted;
  const { type, id } = call.target;
  if (entry.segments.length === 0) {
    throw outcomeError(
      'not-supported',
      `Bundle.entry[${entry.index}]: a Bundle must not contain a batch or transaction to be processed.`,
      { status: 400 },
    );
  }
  if (entry.method !== 'DELETE' && entry.method !== 'PATCH' && entry.resource?.['resourceType'] !== type) {
    throw outcomeError(
      'structure',
      `Bundle.entry[${entry.index}]: the url asks for a ${type}, the resource is another.`,
      {
        expression: `Bundle.entry[${entry.index}].resource`,
      },
    );
  }
  if (entry.method === 'POST') {
    await planCreate(context, admitted, draft);
  } else if (id === '') {
    await planConditional(context, admitted, draft);
  } else {
    planDirect(context, admitted, draft);
  }
}

async function planCreate(context: Context, { entry, call }: Admitted, draft: Draft): Promise<void> {
  const { type } = call.target;
  const criteria = entry.headers['if-none-exist'];
  const match =
    criteria === undefined
      ? undefined
      : atMostOne(type, await remaining(context, type, parseCriteria(type, criteria), draft));
  if (match) {
    draft.existing.push({ entry, call, match });
  } else {
    draft.writes.push({ kind: 'create', entry, call, type, id: newId(), expect: 'absent', fresh: true });
  }
}

/** What the criteria of a conditional create match once the deletions of this transaction are done. */
async function remaining(context: Context, type: string, query: Parameters, draft: Draft): Promise<Match[]> {
  const gone = new Set(
    draft.writes.flatMap((write) => (write.kind === 'delete' && write.type === type ? [write.id] : [])),
  );
  const matches = await lockAndFind(storing(context), type, query, 2 + gone.size);
  return matches.filter((match) => !gone.has(match.id));
}

const kinds = { PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;

function kindOf(entry: EntryRequest): WritePlan['kind'] {
  return kinds[entry.method as keyof typeof kinds];
}

/** Most resources that one conditional delete removes inside a transaction. */
const mostDeleted = 1_000;

async function planConditional(context: Context, { entry, call }: Admitted, draft: Draft): Promise<void> {
  const { type } = call.target;
  const kind = kindOf(entry);
  const several = kind === 'delete' && context.tenant.settings.multipleDelete === true;
  const matches = await lockAndFind(
    kind === 'delete' ? context : storing(context),
    type,
    call.query,
    several ? mostDeleted : 2,
  );
  if (!several) {
    atMostOne(type, matches);
  }
  checkDemand(entry, ifMatch(call), matches);
  for (const match of matches) {
    draft.writes.push({ kind, entry, call, type, id: match.id, expect: match.version, fresh: false });
  }
  if (matches.length > 0) {
    return;
  }
  if (kind === 'delete') {
    draft.nothing.push({ entry, call });
  } else if (kind === 'patch') {
    throw outcomeError(
      'not-found',
      `Bundle.entry[${entry.index}]: the criteria match no ${type}; there is nothing to patch.`,
    );
  } else {
    const { id } = newIntent(context, type, entry.resource ?? {});
    draft.writes.push({ kind, entry, call, type, id, expect: 'absent', fresh: false });
  }
}

/** If-Match of a conditional entry is about what the criteria match. */
function checkDemand(entry: EntryRequest, expected: number | undefined, matches: readonly Match[]): void {
  if (expected !== undefined && !matches.every(({ version }) => version === expected)) {
    throw inEntryConflict(entry, versionConflict(expected));
  }
}

function planDirect(context: Context, { entry, call }: Admitted, draft: Draft): void {
  const { type, id } = call.target;
  const kind = kindOf(entry);
  checkId(id);
  if (kind === 'update' && entry.resource?.['id'] !== id) {
    throw outcomeError('invalid', `Bundle.entry[${entry.index}]: the id in the resource must be the one in the url.`, {
      expression: `Bundle.entry[${entry.index}].resource.id`,
    });
  }
  const demand = inEntry(entry, () => {
    if (kind === 'update') {
      return demandOf(context, call);
    }
    return kind === 'patch' ? demandedVersion(context, call) : ifMatch(call);
  });
  draft.writes.push({ kind, entry, call, type, id, expect: demand ?? 'any', fresh: false });
}
