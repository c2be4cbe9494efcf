/** patch by a Parameters resource: https://hl7.org/fhir/R4/fhirpatch.html */
import { section, shall, type Case } from '../case.ts';
import { check, rejected, same, status } from '../checks.ts';
import type { Answer } from '../client.ts';
import { nameOf, patient } from '../samples.ts';
import type { Resource, World } from '../world.ts';

const needs = { type: 'Patient', interaction: 'patch', patchFormat: 'application/fhir+json' } as const;
const required = (title: string, run: (world: World) => Promise<void>): Case => shall(title, run, needs);

type Part = Record<string, unknown> & { name: string };

const code = (name: string, value: string): Part => ({ name, valueCode: value });
const text = (name: string, value: string): Part => ({ name, valueString: value });
const index = (name: string, value: number): Part => ({ name, valueInteger: value });

/** The Parameters of one or more operations. */
function operations(...all: Part[][]): Resource {
  return { resourceType: 'Parameters', parameter: all.map((part) => ({ name: 'operation', part })) };
}

function send(world: World, path: string, body: Resource): Promise<Answer> {
  return world.send('PATCH', path, { body });
}

const female = { use: 'usual', given: ['Case'], family: 'Conformance' };
const twoNames = { name: [female, { use: 'nickname', given: ['Cas'] }, { use: 'old', family: 'Former' }] };
const simple = (type: string, path: string): Part[] => [code('type', type), text('path', path)];

/** Operation, its parts, the element looked at, and its value afterwards on a patient with three names. */
const applied: readonly (readonly [string, Part[][], string, unknown])[] = [
  [
    'add a simple element',
    [[...simple('add', 'Patient'), text('name', 'language'), code('value', 'ar')]],
    'language',
    'ar',
  ],
  [
    'add a complex element',
    [
      [
        ...simple('add', 'Patient'),
        text('name', 'maritalStatus'),
        { name: 'value', valueCodeableConcept: { text: 'M' } },
      ],
    ],
    'maritalStatus',
    { text: 'M' },
  ],
  [
    'add an anonymous element by its parts',
    [
      [
        ...simple('add', 'Patient'),
        text('name', 'contact'),
        { name: 'value', part: [{ name: 'name', valueHumanName: { text: 'Aunt' } }] },
      ],
    ],
    'contact',
    [{ name: { text: 'Aunt' } }],
  ],
  [
    'add to a list appends',
    [[...simple('add', 'Patient'), text('name', 'name'), { name: 'value', valueHumanName: { text: 'Last' } }]],
    'name',
    [...twoNames.name, { text: 'Last' }],
  ],
  [
    'insert at an index',
    [[...simple('insert', 'Patient.name'), index('index', 1), { name: 'value', valueHumanName: { text: 'Second' } }]],
    'name',
    [twoNames.name[0], { text: 'Second' }, ...twoNames.name.slice(1)],
  ],
  ['delete', [simple('delete', 'Patient.birthDate')], 'birthDate', undefined],
  ['delete what is not there has no effect', [simple('delete', 'Patient.photo')], 'birthDate', '1980-02-29'],
  ['delete by a filter', [simple('delete', "Patient.name.where(use = 'old')")], 'name', twoNames.name.slice(0, 2)],
  ['replace', [[...simple('replace', 'Patient.gender'), code('value', 'male')]], 'gender', 'male'],
  [
    'replace an item of a list',
    [[...simple('replace', 'Patient.name[1].given[0]'), text('value', 'Cassie')]],
    'name',
    [twoNames.name[0], { use: 'nickname', given: ['Cassie'] }, twoNames.name[2]],
  ],
  [
    'move',
    [[...simple('move', 'Patient.name'), index('source', 2), index('destination', 0)]],
    'name',
    [twoNames.name[2], twoNames.name[0], twoNames.name[1]],
  ],
  [
    'several operations apply in order',
    [simple('delete', 'Patient.gender'), [...simple('add', 'Patient'), text('name', 'gender'), code('value', 'other')]],
    'gender',
    'other',
  ],
];

const applies = applied.map(([what, parts, element, expected]) =>
  required(`FHIRPath Patch: ${what}`, async (world) => {
    const made = await world.create(patient(world, twoNames));
    status(await send(world, nameOf(made), operations(...parts)), 200);
    same((await world.get(nameOf(made))).json[element], expected, element);
  }),
);

const failing: readonly (readonly [string, Part[][]])[] = [
  ['replace of an element that is not there', [[...simple('replace', 'Patient.photo'), text('value', 'x')]]],
  ['a path that is no FHIRPath', [[...simple('replace', 'Patient..gender('), code('value', 'male')]]],
  ['delete of several elements', [simple('delete', 'Patient.name')]],
  ['a type of operation that does not exist', [simple('erase', 'Patient.gender')]],
  ['an operation without path', [[code('type', 'delete')]]],
  [
    'an index beyond the list',
    [[...simple('insert', 'Patient.name'), index('index', 9), { name: 'value', valueHumanName: { text: 'x' } }]],
  ],
  [
    'an element that the type does not have',
    [[...simple('add', 'Patient'), text('name', 'colour'), code('value', 'red')]],
  ],
  [
    'a value that breaks the rules of the type',
    [[...simple('replace', 'Patient.gender'), code('value', 'unknowable')]],
  ],
  ['a path into another type', [[...simple('replace', 'Person.gender'), code('value', 'male')]]],
];

const refusals = failing.map(([what, parts]) =>
  required(`a FHIRPath Patch is refused as a whole: ${what}`, async (world) => {
    const made = await world.create(patient(world, twoNames));
    const steps = operations(
      [...simple('replace', 'Patient.birthDate'), { name: 'value', valueDate: '2000-01-01' }],
      ...parts,
    );
    rejected(await send(world, nameOf(made), steps));
    const { json: held } = await world.get(nameOf(made));
    same([held.birthDate, held.meta.versionId], ['1980-02-29', made['meta'].versionId], 'birthDate and version');
  }),
);

export const fhirpathPatch = section('fhirpath-patch', 'fhirpatch.html', [
  ...applies,
  ...refusals,
  required('a body that is no Parameters resource is refused', async (world) => {
    const made = await world.create(patient(world));
    const answer = await send(world, nameOf(made), patient(world));
    rejected(answer);
    check(answer.status !== 404, 'The resource exists.');
  }),
]);
