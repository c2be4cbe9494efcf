/** Who asks, and what they may do: made once for each token by src/identity, used by everything that answers. */
import { breakGlassOf, type BreakGlass, type BreakGlassFacts } from './break-glass.ts';
import { permitsOf, rolePermitsOf, type CompartmentType, type Compartments, type Permit } from './permits.ts';
import { defaultPurposes } from './purpose.ts';
import type { Managed, Scope } from './scopes.ts';

export interface Caller {
  readonly subject: string;
  readonly client: string;
  readonly permits: readonly Permit[];
  /** What the roles alone would permit; empty where no roles bind. */
  readonly rolePermits: readonly Permit[];
  /** Names of the roles, for the record. */
  readonly roles: readonly string[];
  readonly manages: readonly Managed[];
  /** `Practitioner/1`: the resource that is the user. */
  readonly fhirUser?: string;
  readonly compartments: Compartments;
  /** Purposes of use: codes of http://terminology.hl7.org/CodeSystem/v3-ActReason. */
  readonly purposes: readonly string[];
  /** The token names its purposes: a request can only narrow them. */
  readonly purposesBound?: boolean;
  /** May open an override in an emergency. */
  readonly breakGlass?: BreakGlass;
  /** Ids of the patients of the overrides that are open for this request. */
  readonly overrides?: readonly string[];
  /** Confidentiality codes that the caller may see. */
  readonly clearance: readonly string[] | 'all';
  readonly consent: 'enforced' | 'exempt';
  /** Has the scope system/*.cruds and no roles: what shows how a laboratory's data lie is for the operator alone. */
  readonly operator: boolean;
  /** References that the actor of a Consent may name: the user, an Organization, a Device. */
  readonly actors: readonly string[];
  /** How the person signed in (authentication.ts), and when: seconds since 1970. */
  readonly acr?: string;
  readonly authTime?: number;
}

/** What is known of a caller besides the scopes. */
export interface CallerFacts {
  readonly subject: string;
  readonly client: string;
  readonly scopes: readonly Scope[];
  /** Of all roles together; undefined where no roles bind. */
  readonly roleScopes?: readonly Scope[] | undefined;
  readonly roles?: readonly string[];
  readonly manages?: readonly Managed[];
  readonly fhirUser?: string | undefined;
  /** The patient and the encounter in context. */
  readonly patient?: string | undefined;
  readonly encounter?: string | undefined;
  readonly purposes?: readonly string[];
  readonly clearance?: readonly string[] | 'all';
  readonly consent?: 'enforced' | 'exempt';
  readonly actors?: readonly string[];
  readonly breakGlass?: BreakGlassFacts | undefined;
  readonly acr?: string | undefined;
  readonly authTime?: number | undefined;
}

/** Without facts to the contrary nothing is cleared, and consent is enforced. */
export function makeCaller(facts: CallerFacts): Caller {
  const { subject, client, scopes, roleScopes, fhirUser } = facts;
  const compartments = compartmentsOf(facts);
  const who = { compartments, ...(fhirUser !== undefined && { fhirUser }) };
  return {
    subject,
    client,
    permits: permitsOf(scopes, roleScopes, who),
    rolePermits: rolePermitsOf(roleScopes ?? [], who),
    roles: facts.roles ?? [],
    manages: facts.manages ?? [],
    ...(fhirUser !== undefined && { fhirUser }),
    compartments,
    purposes: facts.purposes ?? defaultPurposes(facts.roles ?? [], fhirUser),
    ...(facts.purposes !== undefined && { purposesBound: true }),
    ...(facts.breakGlass !== undefined && { breakGlass: breakGlassOf(scopes, facts.breakGlass, who) }),
    clearance: facts.clearance ?? [],
    consent: facts.consent ?? 'enforced',
    operator: roleScopes === undefined && scopes.some(isWhole),
    actors: facts.actors ?? (fhirUser === undefined ? [] : [fhirUser]),
    ...(facts.acr !== undefined && { acr: facts.acr }),
    ...(facts.authTime !== undefined && { authTime: facts.authTime }),
  };
}

function isWhole({ context, type, permissions, filter }: Scope): boolean {
  return context === 'system' && type === '*' && permissions === 'cruds' && filter === undefined;
}

const usersCompartments: ReadonlySet<string> = new Set(['Patient', 'Practitioner', 'RelatedPerson', 'Device']);

/**
 * The user's own, and those of the context. A patient in context comes before other kinds of users; who is a patient is
 * in no other patient's compartment, whatever the context says.
 */
function compartmentsOf({ fhirUser, patient, encounter }: CallerFacts): Compartments {
  const [type = '', id = ''] = fhirUser?.split('/') ?? [];
  const own = usersCompartments.has(type) && id !== '' ? { [type as CompartmentType]: id } : {};
  if (type === 'Patient' && patient !== undefined && patient !== id) return {};
  return {
    ...own,
    ...(patient !== undefined && { Patient: patient }),
    ...(encounter !== undefined && { Encounter: encounter }),
  };
}

/** Who is not signed in may do nothing; the routes that are open to all ask for nothing. */
export const nobody: Caller = makeCaller({ subject: '', client: '', scopes: [] });

/** The person who runs the machine, with a token of `makhbar token`: no roles, no labels and no consent bind. */
export function operatorCaller(facts: CallerFacts): Caller {
  return makeCaller({ clearance: 'all', consent: 'exempt', ...facts });
}
