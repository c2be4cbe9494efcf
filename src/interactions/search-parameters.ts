/** How this tenant's resources are indexed and searched. */
import { defaultParameters, type TenantParameters } from '../search/parameters.ts';
import type { Context } from '../request.ts';

export function searchParametersOf(context: Context): TenantParameters {
  return { ...defaultParameters, zone: context.tenant.settings.timezone ?? 'UTC', bases: [context.base] };
}
