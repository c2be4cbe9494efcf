/**
 * JSON Patch, complete: https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch
 *
 * Invariants
 * 1. The resource given is never changed: operations run on a copy, which is thrown away when one fails (atomic).
 * 2. The digits of numbers stay, of the resource and of the values of the patch; `test` compares numbers by their digits.
 * 3. `copy` cannot make a small patch into a huge resource, nor a deep one: what is added is measured first.
 *
 * A malformed patch gives 400, one that does not fit the resource 422.
 */
import { cloneJson, setMember, type JsonObject, type JsonValue } from '../json.ts';
import { equalJson } from './json-equal.ts';
import { readOperations, type Operation } from './json-patch-operation.ts';
import { fail, isBelow, locate, locateExisting, type Place } from './json-pointer.ts';
import { insertItem, memberOf, removeItem, shiftingCost, type Member } from './json-member.ts';
import { measured, sizeBudget, spend, type Budget } from './size.ts';

/** The document, so that the pointer "" too has a parent. */
type Root = { document: JsonValue };

type Step = (root: Root, operation: Operation, budget: Budget) => void;

const steps: Readonly<Record<Operation['op'], Step>> = { add, remove, replace, move, copy, test };

/** The resource after the patch. */
export function applyJsonPatch(resource: JsonObject, document: JsonValue): JsonValue {
  const operations = readOperations(document);
  const root: Root = { document: cloneJson(resource) };
  const budget = sizeBudget();
  for (const operation of operations) {
    steps[operation.op](root, operation, budget);
  }
  return root.document;
}

function add(root: Root, operation: Operation, budget: Budget): void {
  const member = measured(valueOf(operation), operation.path.length, budget);
  put(locate(root, operation.path, operation), member, budget);
}

function remove(root: Root, operation: Operation, budget: Budget): void {
  if (operation.path.length === 0) {
    throw fail(operation, 'the whole resource cannot be removed');
  }
  take(locateExisting(root, operation.path, operation), budget);
}

function replace(root: Root, operation: Operation, budget: Budget): void {
  const { parent, key } = locateExisting(root, operation.path, operation);
  const { value, text } = measured(valueOf(operation), operation.path.length, budget);
  setMember(parent, key, value, text);
}

function move(root: Root, operation: Operation, budget: Budget): void {
  const { from, path } = operation;
  const source = locateExisting(root, from, operation);
  if (isBelow(path, from)) {
    throw fail(operation, 'a value cannot be moved into itself');
  }
  const member = measured(memberOf(source.parent, source.key), path.length, budget);
  if (from.length !== path.length || isElsewhere(path, from)) {
    take(source, budget);
    put(locate(root, path, operation), member, budget);
  }
}

function isElsewhere(path: readonly string[], from: readonly string[]): boolean {
  return path.some((step, index) => step !== from[index]);
}

function copy(root: Root, operation: Operation, budget: Budget): void {
  const source = locateExisting(root, operation.from, operation);
  const { value, text } = measured(memberOf(source.parent, source.key), operation.path.length, budget);
  put(locate(root, operation.path, operation), { value: cloneJson(value), text }, budget);
}

function test(root: Root, operation: Operation): void {
  const { parent, key } = locateExisting(root, operation.path, operation);
  if (!equalJson(memberOf(parent, key), memberOf(operation.source, 'value'))) {
    throw fail(operation, 'the value there is another one');
  }
}

/** The value of an operation; cloned, so that the patch document is never part of the resource. */
function valueOf(operation: Operation): Member {
  const member = memberOf(operation.source, 'value');
  return { value: cloneJson(member.value), text: member.text };
}

function put({ parent, key }: Place, { value, text }: Member, budget: Budget): void {
  if (Array.isArray(parent)) {
    spend(budget, shiftingCost(parent));
    insertItem(parent, key as number, { value, text });
  } else {
    setMember(parent, key, value, text);
  }
}

function take({ parent, key }: Place, budget: Budget): void {
  if (Array.isArray(parent)) {
    spend(budget, shiftingCost(parent));
    removeItem(parent, key as number);
  } else {
    setMember(parent, key, null);
    delete parent[key];
  }
}
