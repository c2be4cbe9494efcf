/** Operations: `$name` on the system, a type or an instance. https://hl7.org/fhir/R4/operations.html */
import { outcomeError } from '../fhir/outcome.ts';
import { operations } from '../operations/catalog.ts';
import type { Answer, Context } from '../request.ts';
import { checkBinaryTarget } from './binary-security.ts';
import type { Call } from './call.ts';

export async function operation(context: Context, call: Call): Promise<Answer> {
  const { operation: name, type, id } = call.target;
  const found = Object.hasOwn(operations, name) ? operations[name] : undefined;
  const level = id !== '' ? 'instance' : type !== '' ? 'type' : 'system';
  if (
    found === undefined ||
    !found.levels.includes(level) ||
    (type !== '' && found.types && !found.types.includes(type))
  ) {
    throw outcomeError(
      'not-supported',
      `There is no operation ${name.slice(0, 80)} on ${type === '' ? 'the system' : `this level of ${type}`}.`,
      {
        status: 404,
      },
    );
  }
  if (call.method === 'DELETE' && found.deletes !== true) {
    throw outcomeError('not-supported', `${name} has nothing to delete; call it by POST or GET.`, {
      status: 405,
      headers: { allow: found.changes ? 'POST' : 'GET, HEAD, POST' },
    });
  }
  if (call.method !== 'POST' && found.changes) {
    throw outcomeError('not-supported', `${name} changes resources; call it by POST.`, {
      status: 405,
      headers: { allow: 'POST' },
    });
  }
  if (found.event !== undefined) context.trail.asked = { ...context.trail.asked, kind: found.event };
  await checkBinaryTarget(context, call.target);
  return found.handler(context, call);
}
