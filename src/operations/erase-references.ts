/**
 * Taking the references out of a resource that stays: each becomes a Reference that says that it is masked, which keeps
 * required elements and the order of the others; the narrative, which may name the person, goes. Pure.
 */
import { walkElements } from '../fhir/element-walk.ts';
import { setMember, type JsonObject } from '../fhir/json.ts';
import { namedBy, objectOf, type Subject } from './erase-subject.ts';

const absence = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** Changes the resource in place; gives how many references it took out. */
export function maskReferences(subject: Subject, resource: JsonObject, erased: ReadonlySet<string>): number {
  const found: JsonObject[] = [];
  walkElements(resource, ({ value, property }) => {
    const reference = property.type.code === 'Reference' ? objectOf(value) : undefined;
    const name = reference && namedBy(subject, reference);
    if (reference !== undefined && name !== undefined && erased.has(name)) found.push(reference);
  });
  for (const reference of found) {
    for (const member of Object.keys(reference)) delete reference[member];
    setMember(reference, 'extension', [{ url: absence, valueCode: 'masked' }]);
  }
  if (found.length > 0) delete resource['text'];
  return found.length;
}
