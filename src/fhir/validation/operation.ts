/**
 * The findings of $validate: those of a write, with warnings, and those of the mode it is asked for.
 * https://hl7.org/fhir/R4/resource-operation-validate.html
 */
import { isResourceType } from '../definitions.ts';
import type { JsonObject } from '../json.ts';
import type { Issue, IssueCode } from '../outcome.ts';
import { validateResource } from './validate.ts';

/** https://hl7.org/fhir/R4/codesystem-resource-validation-mode.html; a deletion needs the store, not the resource. */
export type ValidationMode = 'create' | 'update' | 'delete' | 'profile';

export interface OperationOptions {
  /** The type the operation was called on; '' for the system level. */
  type?: string;
  /** The id it was called on. */
  id?: string;
  mode?: ValidationMode;
  /** The canonical URL of a profile, besides those that the resource names. */
  profile?: string;
  /** Profiles besides those held here, by canonical URL. */
  profileSource?: (canonical: string) => JsonObject | undefined;
}

function error(code: IssueCode, diagnostics: string, expression: string): Issue {
  return { severity: 'error', code, diagnostics, expression: [expression] };
}

/** What the interaction of a mode would refuse beyond the content itself. */
function modeFindings(resource: JsonObject, { type, id, mode, profile }: OperationOptions): Issue[] {
  const found: Issue[] = [];
  const own = resource['resourceType'];
  if (typeof own !== 'string' || !isResourceType(own)) return found;
  if (type !== undefined && type !== '' && own !== type) {
    found.push(error('invalid', `${own} cannot be written as ${type}: the types differ.`, own));
  }
  if (mode === 'update' && resource['id'] === undefined) {
    found.push(error('required', `${own}.id is required in an update.`, `${own}.id`));
  }
  if (mode === 'update' && id !== undefined && resource['id'] !== undefined && resource['id'] !== id) {
    found.push(error('invalid', `${own}.id must be ${id}, the id that is updated.`, `${own}.id`));
  }
  if (mode === 'profile' && profile === undefined) {
    found.push(error('required', 'The mode profile needs the parameter profile.', own));
  }
  return found;
}

/** Everything that speaks for or against a resource. */
export function validateForOperation(resource: JsonObject, options: OperationOptions = {}): Issue[] {
  const { profile, profileSource } = options;
  const found = validateResource(resource, {
    warnings: true,
    profiles: profile === undefined ? [] : [profile],
    ...(profileSource !== undefined && { profileSource }),
  });
  return [...modeFindings(resource, options), ...found];
}
