/** An order as a ServiceRequest: one for each test, with the version of the definition that it is made with. */
import type { JsonObject } from '../fhir/json.ts';
import { codeIn, codings, extensionUrl, object, objects, sectionSystem, text, ucumSystem } from './terms.ts';
import type { OrderState } from './order-states.ts';
import type { TestDefinition } from './test-definition.ts';

export const requisitionSystem = 'urn:makhbar:requisition';

export interface Ordering {
  /** `Patient/1` */
  readonly subject: string;
  readonly requisition: string;
  readonly authoredOn: string;
  readonly priority: string;
  readonly requester?: string;
  readonly encounter?: string;
  /** `Location/1`: the ward. */
  readonly location?: string;
  readonly insurance?: string;
  readonly insuranceNote?: string;
  readonly note?: string;
  readonly reason?: string;
  readonly fasting?: number;
  /** `QuestionnaireResponse/1` */
  readonly answers?: readonly string[];
  readonly specimen?: string;
}

const laboratoryProcedure: JsonObject = {
  coding: [{ system: 'http://snomed.info/sct', code: '108252007', display: 'Laboratory procedure' }],
};

export function orderOf(test: TestDefinition, ordering: Ordering, panel?: string): JsonObject {
  const { requester, encounter, location, insurance, note, reason, answers = [], specimen } = ordering;
  return {
    resourceType: 'ServiceRequest',
    ...withExtensions(ordering),
    instantiatesCanonical: [test.canonical, ...(panel === undefined ? [] : [panel])],
    requisition: { system: requisitionSystem, value: ordering.requisition },
    status: 'active',
    intent: 'order',
    category: [laboratoryProcedure, ...(test.section === undefined ? [] : [test.section])],
    priority: ordering.priority,
    code: test.concept,
    subject: { reference: ordering.subject },
    ...(encounter !== undefined && { encounter: { reference: encounter } }),
    authoredOn: ordering.authoredOn,
    ...(requester !== undefined && { requester: { reference: requester } }),
    ...(location !== undefined && { locationReference: [{ reference: location }] }),
    ...(reason !== undefined && { reasonCode: [{ text: reason }] }),
    ...(insurance !== undefined && { insurance: [{ reference: insurance }] }),
    ...(answers.length > 0 && { supportingInfo: answers.map((reference) => ({ reference })) }),
    ...(specimen !== undefined && { specimen: [{ reference: specimen }] }),
    ...(note !== undefined && { note: [{ text: note }] }),
  };
}

/** With the sections that do its tests, which an order of somebody else does not name. */
export function withSections(order: JsonObject, tests: readonly Pick<TestDefinition, 'section'>[]): JsonObject {
  const category = objects(order['category']);
  const known = new Set(category.map((one) => codeIn(one, sectionSystem)));
  const added = tests
    .flatMap(({ section }) => section ?? [])
    .filter((one) => {
      const code = codeIn(one, sectionSystem);
      return !known.has(code) && known.add(code);
    });
  return added.length === 0 ? order : { ...order, category: [...category, ...added] };
}

/** `Location/1`: the ward that an order names. */
export function wardOf(order: JsonObject): string | undefined {
  return text(object(objects(order['locationReference'])[0])['reference']);
}

function withExtensions({ insuranceNote, fasting }: Ordering): JsonObject {
  const found = [
    ...(insuranceNote === undefined ? [] : [{ url: extensionUrl('insurance-note'), valueString: insuranceNote }]),
    ...(fasting === undefined
      ? []
      : [
          {
            url: extensionUrl('fasting-hours'),
            valueDuration: { value: fasting, unit: 'h', system: ucumSystem, code: 'h' },
          },
        ]),
  ];
  return found.length === 0 ? {} : { extension: found };
}

export function orderState(order: JsonObject): OrderState {
  return (text(order['status']) ?? 'unknown') as OrderState;
}

/** What an order says that it wants: the definition's canonical, else its codes as `system|code`. */
export function wantedBy(order: JsonObject): { canonicals: string[]; tokens: string[] } {
  const canonicals = order['instantiatesCanonical'];
  return {
    canonicals: Array.isArray(canonicals) ? canonicals.map(String) : [],
    tokens: codings(order['code']).map(({ system, code }) => `${text(system) ?? ''}|${text(code) ?? ''}`),
  };
}

/** The same order once more, after its specimen was rejected. */
export function recollection(order: JsonObject, reason: string, authoredOn: string): JsonObject {
  const { id, meta: _meta, specimen: _specimen, note, ...rest } = order;
  const notes = Array.isArray(note) ? note : [];
  return {
    ...rest,
    replaces: [{ reference: `ServiceRequest/${String(id)}` }],
    status: 'active',
    authoredOn,
    note: [...notes, { text: `Recollection: ${reason}` }],
  };
}

export function subjectOf(order: JsonObject): string {
  return text(object(order['subject'])['reference']) ?? '';
}
