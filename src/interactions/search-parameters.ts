/** How this tenant's resources are indexed and searched: R4's parameters, and one of our own for Binary. */
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import {
  defaultParameters,
  typeParameters,
  type Parameter,
  type TenantParameters,
  type TypeParameters,
} from '../search/parameters.ts';

/** R4 has no parameter for it; what a caller may find of Binaries is decided by it (access.ts). */
const securityContext = {
  name: 'security-context',
  url: 'urn:makhbar:search-parameter:Binary-security-context',
  base: ['Binary'],
  type: 'reference' as const,
  expression: 'Binary.securityContext',
};

let ofBinary: TypeParameters | undefined;

function binaryParameters(): TypeParameters {
  return (ofBinary ??= typeParameters('Binary', [securityContext]));
}

function parametersOf(type: string): TypeParameters {
  return type === 'Binary' ? binaryParameters() : defaultParameters.of(type);
}

export function searchParametersOf(context: Context): TenantParameters {
  return {
    ...defaultParameters,
    of: parametersOf,
    zone: context.tenant.settings.timezone ?? 'UTC',
    bases: [context.base],
  };
}

export function securityContextParameter(): Parameter {
  const parameter = binaryParameters().byName.get(securityContext.name);
  if (parameter === undefined) {
    throw outcomeError('exception', 'The search parameter for security contexts is missing.');
  }
  return parameter;
}
