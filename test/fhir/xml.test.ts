import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { numberText, parseJson, serializeJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { parseXml, serializeXml } from '../../src/fhir/xml.ts';
import { generatedResource } from './generated-resource.ts';
import { processorTime } from '../processor-time.ts';

/** The JSON text with sorted names: equal texts are equal resources, digits included. */
function canonical(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => (typeof item === 'number' ? numberText(value, index) : canonical(item)))}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value);
  }
  const text = (key: string) =>
    typeof value[key] === 'number' ? numberText(value, key) : canonical(value[key] as JsonValue);
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${text(key)}`)}}`;
}

const fhir = 'xmlns="http://hl7.org/fhir"';
const xhtml = 'xmlns="http://www.w3.org/1999/xhtml"';

const pairs: Record<string, [xml: string, json: string]> = {
  'xml.html: values, ids and order': [
    `<Patient ${fhir}><id value="p"/><active value="true"/><name id="n"><family value="F"/><given value="A"/><given value="B"/></name><gender value="female"/></Patient>`,
    '{"resourceType":"Patient","id":"p","active":true,"name":[{"id":"n","family":"F","given":["A","B"]}],"gender":"female"}',
  ],
  'a resource without anything': [`<Basic ${fhir}/>`, '{"resourceType":"Basic"}'],
  'decimals as written': [
    `<Observation ${fhir}><valueQuantity><value value="1.00"/></valueQuantity><referenceRange><low><value value="-1.5E+3"/></low><high><value value="0.000000000000000000000000000000010"/></high></referenceRange></Observation>`,
    '{"resourceType":"Observation","valueQuantity":{"value":1.00},"referenceRange":[{"low":{"value":-1.5E+3},"high":{"value":0.000000000000000000000000000000010}}]}',
  ],
  'json.html#primitive: extensions of a primitive': [
    `<Patient ${fhir}><birthDate id="b" value="1970-03-30"><extension url="http://x"><valueDateTime value="1970-03-30T12:01:02Z"/></extension></birthDate><deceasedBoolean><extension url="http://y"><valueCode value="unknown"/></extension></deceasedBoolean></Patient>`,
    '{"resourceType":"Patient","birthDate":"1970-03-30","_birthDate":{"id":"b","extension":[{"url":"http://x","valueDateTime":"1970-03-30T12:01:02Z"}]},"_deceasedBoolean":{"extension":[{"url":"http://y","valueCode":"unknown"}]}}',
  ],
  'json.html#primitive: repeated primitives with extensions': [
    `<Patient ${fhir}><name><given value="A"/><given id="2"/><given id="3" value="C"/><given value="D"/></name></Patient>`,
    '{"resourceType":"Patient","name":[{"given":["A",null,"C","D"],"_given":[null,{"id":"2"},{"id":"3"},null]}]}',
  ],
  'repeated primitives without any value': [
    `<Patient ${fhir}><name><given id="1"/><given id="2"/></name></Patient>`,
    '{"resourceType":"Patient","name":[{"_given":[{"id":"1"},{"id":"2"}]}]}',
  ],
  'contained resources': [
    `<Observation ${fhir}><contained><Patient><id value="p"/></Patient></contained><contained><Basic/></contained></Observation>`,
    '{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Basic"}]}',
  ],
  'resources of a Bundle, one of them a Bundle': [
    `<Bundle ${fhir}><type value="batch"/><entry><resource><Bundle><total value="0"/></Bundle></resource><request><method value="POST"/></request></entry></Bundle>`,
    '{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Bundle","total":0},"request":{"method":"POST"}}]}',
  ],
  'a narrative kept as it is': [
    `<Basic ${fhir}><text><status value="generated"/><div ${xhtml} class='a'>x &lt; y<br /> <!-- c --><![CDATA[z]]>&#233;</div></text></Basic>`,
    `{"resourceType":"Basic","text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\" class='a'>x &lt; y<br /> <!-- c --><![CDATA[z]]>&#233;</div>"}}`,
  ],
  'characters that attributes would lose': [
    `<Basic ${fhir}><code><text value="a&#10;b&#9;c&#13;&lt;&gt;&amp;&quot;'"/></code></Basic>`,
    '{"resourceType":"Basic","code":{"text":"a\\nb\\tc\\r<>&\\"\'"}}',
  ],
  'an element that is called resourceType': [
    `<ExampleScenario ${fhir}><instance><resourceId value="a"/><resourceType value="Patient"/></instance></ExampleScenario>`,
    '{"resourceType":"ExampleScenario","instance":[{"resourceId":"a","resourceType":"Patient"}]}',
  ],
  'nested items by content reference': [
    `<Questionnaire ${fhir}><item><linkId value="1"/><item><linkId value="1.1"/></item></item></Questionnaire>`,
    '{"resourceType":"Questionnaire","item":[{"linkId":"1","item":[{"linkId":"1.1"}]}]}',
  ],
};

describe('XML and JSON of the same resource', () => {
  test.each(Object.entries(pairs))('%s', (_name, [xml, json]) => {
    expect(serializeJson(parseXml(xml))).toBe(json);
    expect(serializeXml(parseJson(json) as JsonObject)).toBe(`<?xml version="1.0" encoding="UTF-8"?>${xml}`);
  });
});

const readable: Record<string, [xml: string, json: string]> = {
  'comments, instructions, space and the schema location': [
    `<?xml version="1.0"?>\r\n<!-- a --><Basic ${fhir} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir x.xsd">\n <?x y?><id value="1"/><!-- b -->\n</Basic>\n`,
    '{"resourceType":"Basic","id":"1"}',
  ],
  prefixes: [
    '<f:Basic xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:id value="1"/><f:text><f:status value="empty"/><h:div h1="a&#10;b"><h:b>x &amp; y</h:b><h:br/></h:div></f:text></f:Basic>'.replace(
      ' h1=',
      ' title=',
    ),
    '{"resourceType":"Basic","id":"1","text":{"status":"empty","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\" title=\\"a&#10;b\\"><b>x &amp; y</b><br/></div>"}}',
  ],
  'a line break in an attribute is a space': [
    `<Basic ${fhir}><code><text value="a\nb"/></code></Basic>`,
    '{"resourceType":"Basic","code":{"text":"a b"}}',
  ],
  'an integer with a plus sign': [
    `<Basic ${fhir}><extension url="http://x"><valueInteger value="+5"/></extension></Basic>`,
    '{"resourceType":"Basic","extension":[{"url":"http://x","valueInteger":5}]}',
  ],
};

test.each(Object.entries(readable))('parseXml reads %s', (_name, [xml, json]) => {
  expect(serializeJson(parseXml(xml))).toBe(json);
});

const basic = (content: string) => `<Basic ${fhir}>\n${content}</Basic>`;
const nested = (levels: number) =>
  `<Questionnaire ${fhir}>${'<item>'.repeat(levels)}<linkId value="x"/>${'</item>'.repeat(levels)}</Questionnaire>`;

const refused: Record<string, [xml: string, sentence: string, expression?: string]> = {
  'an empty text': ['', 'The XML is not well formed: document must contain a root element'],
  'no XML': ['{"resourceType":"Basic"}', 'not well formed'],
  'an open element': [`<Basic ${fhir}>`, 'not well formed: unclosed tag: Basic'],
  'a wrong end tag': [basic('<id value="1"></meta>'), 'not well formed: unexpected close tag'],
  'a DOCTYPE': [`<!DOCTYPE Basic><Basic ${fhir}/>`, 'A DOCTYPE is not allowed'],
  'entities of a DOCTYPE': [`<!DOCTYPE a [<!ENTITY b "c">]>${basic('<id value="&b;"/>')}`, 'A DOCTYPE is not allowed'],
  'an undefined entity': [basic('<id value="&nbsp;"/>'), 'not well formed: undefined entity'],
  'a forbidden character': [basic('<id value="&#0;"/>'), 'malformed character entity'],
  'two roots': [`<Basic ${fhir}/><Basic ${fhir}/>`, 'only one root'],
  'no namespace': ['<Basic/>', 'a resource of the namespace http://hl7.org/fhir is expected, not "Basic"'],
  'another namespace': ['<Basic xmlns="http://x"/>', 'a resource of the namespace'],
  'an unknown resource type': [`<Nothing ${fhir}/>`, 'not "Nothing" (line 1)'],
  'a type that is no resource': [`<HumanName ${fhir}/>`, 'not "HumanName"'],
  'an unknown element': [basic('<foo value="1"/>'), 'The element "foo" is not known here (line 2).', 'Basic.foo'],
  'an element of another namespace': [
    basic('<id xmlns="http://x" value="1"/>'),
    'must be of the namespace',
    'Basic.id',
  ],
  'an unknown attribute': [basic('<id value="1" x="2"/>'), 'The attribute "x" is not known here', 'Basic.id'],
  'an id attribute on a resource': [`<Basic ${fhir} id="1"/>`, 'The attribute "id" is not known here', 'Basic'],
  'a value of a complex element': [basic('<code value="1"/>'), 'The attribute "value" is not known', 'Basic.code'],
  'xml:id': [basic('<id value="1" xml:id="2"/>'), 'The attribute "xml:id" is not known'],
  'an element instead of an attribute': [
    basic('<extension><url value="x"/></extension>'),
    'The element "url" is not known',
  ],
  'an empty element': [basic('<code/>'), 'The element "code" must have a value, an attribute or a child', 'Basic.code'],
  'an empty attribute': [basic('<id value=""/>'), 'The attribute "value" must not be empty', 'Basic.id'],
  'text between elements': [basic('<id value="1">x</id>'), 'Text between elements is not allowed', 'Basic.id'],
  'character data between elements': [basic('<![CDATA[x]]>'), 'Text between elements is not allowed'],
  'the wrong order': [
    basic('<language value="en"/><id value="1"/>'),
    'The element "id" must come before the element in front of it',
    'Basic.id',
  ],
  'a single element twice': [
    basic('<id value="1"/><id value="2"/>'),
    'The element "id" is allowed only once',
    'Basic.id',
  ],
  'two resources in one contained': [
    basic('<contained><Basic/><Basic/></contained>'),
    'Only one resource is allowed here',
    'Basic.contained[0]',
  ],
  'a contained without a resource': [basic('<contained> </contained>'), 'must hold a resource', 'Basic.contained[0]'],
  'a boolean that is none': [
    `<Patient ${fhir}><active value="yes"/></Patient>`,
    'The value "yes" is not true or false',
    'Patient.active',
  ],
  'a number that is none': [
    basic('<extension url="http://x"><valueDecimal value="1,5"/></extension>'),
    'The value "1,5" is not a number of the type decimal',
    'Basic.extension[0].value',
  ],
  'a decimal beyond a double': [
    basic('<extension url="http://x"><valueDecimal value="1e400"/></extension>'),
    'The value "1e400" is too large',
  ],
  'an integer with zeros in front': [
    basic('<extension url="http://x"><valueInteger value="05"/></extension>'),
    'not a number',
  ],
  'a narrative of FHIR elements': [
    basic('<text><status value="generated"/><div>x</div></text>'),
    'The element "div" must be of the namespace http://www.w3.org/1999/xhtml',
    'Basic.text.div',
  ],
  'FHIR inside a narrative': [
    basic(`<text><status value="generated"/><div ${xhtml}><p xmlns="http://hl7.org/fhir"/></div></text>`),
    'The element "p" of a narrative must be of the namespace',
  ],
  'two narratives': [basic(`<text><div ${xhtml}>a</div><div ${xhtml}>b</div></text>`), 'allowed only once'],
  'nested too deep': [nested(50), 'nested at most 100 levels deep'],
  'a narrative nested too deep': [
    basic(`<text><div ${xhtml}>${'<b>'.repeat(100)}${'</b>'.repeat(100)}</div></text>`),
    'The narrative has more than 100 levels',
  ],
};

function refusalOf(action: () => unknown): OutcomeError {
  try {
    action();
  } catch (error) {
    if (error instanceof OutcomeError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('parseXml refuses', () => {
  test.each(Object.entries(refused))('%s', (_name, [xml, sentence, expression]) => {
    const error = refusalOf(() => parseXml(xml));
    expect(error.message).toContain(sentence);
    expect(statusOf(error)).toBe(400);
    if (expression !== undefined) expect(error.issues[0]?.expression).toEqual([expression]);
  });

  test('a million levels at once', () => {
    const time = processorTime(() => {
      refusalOf(() => parseXml(nested(1_000_000)));
      refusalOf(() => parseXml(basic(`<text><div ${xhtml}>${'<b>'.repeat(1_000_000)}`)));
    });
    expect(time).toBeLessThan(30_000);
  });

  test('and reads what is as deep as JSON may be', () => {
    const deepest = parseXml(nested(49));
    expect(parseJson(serializeJson(deepest))).toEqual(deepest);
  });
});

describe('serializeXml', () => {
  test('pretty', () => {
    const patient = {
      resourceType: 'Patient',
      name: [{ given: ['A'] }],
      contained: [{ resourceType: 'Basic', id: 'b' }],
    };
    expect(serializeXml(patient, true)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<Patient ${fhir}>
  <contained>
    <Basic>
      <id value="b"/>
    </Basic>
  </contained>
  <name>
    <given value="A"/>
  </name>
</Patient>
`);
  });

  test('gives a narrative the namespace it lacks', () => {
    const resource = { resourceType: 'Basic', text: { div: '<div class="x">a</div>' } };
    expect(serializeXml(resource)).toContain(`<text><div ${xhtml} class="x">a</div></text>`);
  });

  const unwritable: Record<string, [resource: JsonObject, status: number, expression: string]> = {
    'an unknown type': [{ resourceType: 'Nothing' }, 422, 'Nothing'],
    'an unknown property': [{ resourceType: 'Basic', foo: 1 }, 422, 'Basic.foo'],
    'an unknown property below': [
      { resourceType: 'Basic', code: { coding: [{ foo: 1 }] } },
      422,
      'Basic.code.coding[0].foo',
    ],
    'an extension of a complex element': [{ resourceType: 'Basic', _code: {} }, 422, 'Basic._code'],
    'an object for a primitive': [{ resourceType: 'Basic', language: {} }, 422, 'Basic.language'],
    'a primitive for an object': [{ resourceType: 'Basic', code: 'x' }, 422, 'Basic.code'],
    'a control character': [{ resourceType: 'Basic', language: 'a\u0001' }, 406, 'Basic.language'],
    'a narrative that is not well formed': [
      { resourceType: 'Basic', text: { div: '<div><b></div>' } },
      422,
      'Basic.text.div',
    ],
    'a narrative that closes more than it opens': [
      { resourceType: 'Basic', text: { div: '<div></div></text><id value="9"/>' } },
      422,
      'Basic.text.div',
    ],
    'a narrative that is no div': [{ resourceType: 'Basic', text: { div: '<p/>' } }, 422, 'Basic.text.div'],
  };
  test.each(Object.entries(unwritable))('refuses %s', (_name, [resource, status, expression]) => {
    const error = refusalOf(() => serializeXml(resource));
    expect([statusOf(error), error.issues[0]?.expression]).toEqual([status, [expression]]);
  });
});

test('generated resources of every kind: JSON → XML → JSON', () => {
  fc.assert(
    fc.property(generatedResource(), fc.boolean(), (resource, pretty) => {
      expect(canonical(parseXml(serializeXml(resource, pretty)))).toBe(canonical(resource));
    }),
    { numRuns: 300 },
  );
});

test('whatever is cut out of or put into the XML of a resource is read or refused with an OutcomeError', () => {
  const put = fc.constantFrom(
    '',
    '<',
    '>',
    '/>',
    '"',
    '&',
    '&#0;',
    ' id="1"',
    '<id value="1"/>',
    '<div>',
    '<!--',
    ']]>',
    '\u0001',
    'x:',
  );
  fc.assert(
    fc.property(generatedResource(), fc.nat(), fc.nat(12), put, (resource, at, cut, inserted) => {
      const text = serializeXml(resource);
      const start = at % text.length;
      try {
        parseXml(text.slice(0, start) + inserted + text.slice(start + cut));
      } catch (error) {
        expect(error).toBeInstanceOf(OutcomeError);
      }
    }),
    { numRuns: 300 },
  );
});

const archive = path.resolve(import.meta.dirname, '../../../shared/data/r4-examples.tar.gz');
const withExamples = existsSync(archive) ? test : test.skip;

withExamples(
  `examples of the specification, skipped when ${path.basename(archive)} is absent: JSON → XML → JSON`,
  () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'r4-examples-'));
    try {
      execFileSync('tar', ['xzf', archive, '-C', directory]);
      const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
      expect(files.length).toBeGreaterThan(100);
      for (const file of files) {
        const resource = parseJson(readFileSync(path.join(directory, file), 'utf8')) as JsonObject;
        expect(canonical(parseXml(serializeXml(resource)))).toBe(canonical(resource));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
