/** The attributes of FHIR elements: `value` of primitives, `id`, `url` of extensions. https://hl7.org/fhir/R4/xml.html */
import type { SaxesAttributeNS } from 'saxes';
import { isPrimitive } from './definitions.ts';
import { shortened } from './json-reader.ts';
import type { Frame } from './xml-frame.ts';
import { schemaNamespace, xmlnsNamespace } from './xml-names.ts';
import { primitiveFromXml } from './xml-value.ts';

/** Takes the attributes of an element into its frame; returns what is wrong with them, if anything. */
export function readAttributes(frame: Frame, attributes: readonly SaxesAttributeNS[]): string | undefined {
  for (const attribute of attributes) {
    const problem = isIgnored(attribute) ? undefined : readAttribute(frame, attribute);
    if (problem !== undefined) {
      return problem;
    }
  }
  return undefined;
}

function isIgnored({ uri, local }: SaxesAttributeNS): boolean {
  return uri === xmlnsNamespace || (uri === schemaNamespace && /^(noNamespaceS|s)chemaLocation$/.test(local));
}

function readAttribute(frame: Frame, { name, value, uri }: SaxesAttributeNS): string | undefined {
  const code = frame.property?.type.code ?? '';
  if (uri === '' && value === '') {
    return `The attribute "${shortened(name)}" must not be empty`;
  }
  if (uri === '' && name === 'value' && isPrimitive(code)) {
    return readValue(frame, code, value);
  }
  if (uri === '' && frame.shape?.properties.get(name)?.element.isXmlAttribute) {
    frame.object[name] = value;
    return undefined;
  }
  return `The attribute "${shortened(name)}" is not known here`;
}

function readValue(frame: Frame, code: string, text: string): string | undefined {
  const read = primitiveFromXml(code, text);
  if ('problem' in read) {
    return `The value "${shortened(text)}" ${read.problem}`;
  }
  frame.value = read.value;
  frame.text = 'text' in read ? read.text : undefined;
  return undefined;
}
