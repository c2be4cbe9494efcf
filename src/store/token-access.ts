/** What an access token of the provider stands for, as everything is now, in one statement. */
import type { Database } from './pool.ts';
import { hashOf } from './oidc.ts';
import { sql } from './sql.ts';

export interface TokenRow {
  readonly scope: string;
  readonly audience: string;
  /** Seconds since 1970. */
  readonly expires: number;
  readonly clientId: string;
  readonly clientScopes: string;
  readonly clientKind: string;
  /** Of an application that acts for itself: whether consents of patients bind it. */
  readonly clientConsent: 'enforced' | 'exempt';
  /** Undefined where the application acts for itself. */
  readonly accountId: string | undefined;
  readonly fhirUser: string | undefined;
  /** Names of the account's roles. */
  readonly roles: readonly string[];
  /** The laboratory's own definitions of these, and of `interface`. */
  readonly ownRoles: readonly { readonly name: string; readonly definition: string }[];
  /** Of the grant: JSON. */
  readonly context: string | undefined;
}

interface Row {
  scope: string | null;
  aud: string | null;
  expires: number;
  client_id: string;
  scopes: string;
  kind: string;
  consent: string | null;
  account_id: string | null;
  fhir_user: string | null;
  roles: string[] | null;
  own: string | null;
  context: string | null;
}

/** Undefined where the token is unknown or expired, or its client, account or grant is gone or disabled. */
export async function readAccess(database: Database, tenant: number, token: string): Promise<TokenRow | undefined> {
  const hash = hashOf(token);
  const [row] = await database.query<Row>(
    tenant,
    sql`select t.payload ->> 'scope' as scope, t.payload ->> 'aud' as aud,
        extract(epoch from t.expires)::float8 as expires, c.client_id, c.scopes, c.kind,
        c.metadata ->> 'consent' as consent,
        a.account_id, a.fhir_user, h.roles, o.own, g.context
      from openid_state t
      join client c on c.tenant_id = t.tenant_id and c.client_id = t.client_id and c.status = 'active'
      left join account a on a.tenant_id = t.tenant_id and a.account_id = t.account_id::uuid and a.status = 'active'
      left join openid_state g on g.tenant_id = t.tenant_id and g.kind = 'Grant' and g.id = t.grant_id
        and g.expires > clock_timestamp()
      left join lateral (select array_agg(r.role) as roles from account_role r
        where r.tenant_id = t.tenant_id and r.account_id = a.account_id) h on true
      left join lateral (select jsonb_agg(jsonb_build_object('name', d.name, 'definition', d.definition::text)) as own
        from role d where d.tenant_id = t.tenant_id and d.name = any(array_append(h.roles, 'interface'))) o on true
      where t.tenant_id = ${tenant} and t.kind in ('AccessToken', 'ClientCredentials') and t.id = ${hash}
        and t.expires > clock_timestamp()
        and (t.kind = 'ClientCredentials' or (a.account_id is not null and g.id is not null))`,
  );
  return row && tokenRow(row);
}

function tokenRow(row: Row): TokenRow {
  return {
    scope: row.scope ?? '',
    audience: row.aud ?? '',
    expires: row.expires,
    clientId: row.client_id,
    clientScopes: row.scopes,
    clientKind: row.kind,
    clientConsent: row.consent === 'exempt' ? 'exempt' : 'enforced',
    accountId: row.account_id ?? undefined,
    fhirUser: row.fhir_user ?? undefined,
    roles: row.roles ?? [],
    ownRoles: row.own === null ? [] : (JSON.parse(row.own) as { name: string; definition: string }[]),
    context: row.context ?? undefined,
  };
}
