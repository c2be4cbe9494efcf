/**
 * The outgoing side of an HL7 v2 interface (profiles/hl7v2-interface.json): a rule that could not be followed is refused when
 * the Endpoint is written, with its place. The types whose changes it is told of go beside it (store/outbound.ts).
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { outgoingTypes, outgoingVersions } from '../hl7v2/outgoing.ts';
import { quirks } from '../hl7v2/quirks.ts';
import type { Context } from '../request.ts';
import { parseSearch } from '../search/parse.ts';
import { interfaceExtension } from './endpoint-check.ts';
import { searchParametersOf } from './search-parameters.ts';

interface Part {
  readonly url?: string;
  readonly valueString?: string;
  readonly extension?: readonly Part[];
}

/** Part → what it must be, in words. */
const rules: Readonly<Record<string, readonly [RegExp | readonly string[], string]>> = {
  to: [
    /^mllps?:\/\/(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}$/,
    'the address of the peer, mllp://host:port or mllps://host:port',
  ],
  quirk: [Object.keys(quirks), `one of ${Object.keys(quirks).join(', ')}`],
  version: [outgoingVersions, `one of ${outgoingVersions.join(', ')}`],
  acknowledgement: [['original', 'commit', 'enhanced'], 'original, commit or enhanced'],
  profile: [['law'], 'law'],
  workOrders: [['query', 'broadcast'], 'query or broadcast'],
  orderConnection: [['own', 'same'], 'own or same'],
  device: [/^Device\/[A-Za-z0-9.-]{1,64}$/, 'a reference Device/id'],
  timeout: [/^(?:[1-9]|[1-9]\d|1[01]\d|120)$/, 'seconds, 1 to 120'],
};

/**
 * Numbers of the types whose changes the Endpoint is told of.
 * @throws OutcomeError `business-rule` with the part and the rule.
 */
export function toldTypes(context: Pick<Context, 'tenant' | 'base'>, resource: JsonObject): number[] {
  const { extension, status } = resource as {
    status?: string;
    extension?: readonly { url?: string; extension?: readonly Part[] }[];
  };
  const parts = extension?.find(({ url }) => url === interfaceExtension)?.extension ?? [];
  for (const { url = '', valueString = '' } of parts) {
    const [rule, words] = rules[url] ?? [];
    if (rule !== undefined && !meets(valueString, rule)) throw refusal(url, words ?? '');
  }
  const sends = parts.filter(({ url }) => url === 'send');
  if (sends.length > 0 && !parts.some(({ url }) => url === 'to')) {
    throw refusal('send', 'on an interface with an address to send to ("to")');
  }
  const types = sends.map(({ extension: members = [] }) => checkSend(context, members));
  // An analyzer (src/gateways/hl7v2/law) that is sent work is told what changes it.
  const isAnalyzer = parts.some(({ url, valueString }) => url === 'profile' && valueString === 'law');
  if (isAnalyzer && parts.some(({ url }) => url === 'to')) types.push('ServiceRequest', 'Specimen', 'Task');
  return status === 'active' ? types.map((type) => typeNumber(type) ?? -1) : [];
}

function meets(value: string, rule: RegExp | readonly string[]): boolean {
  return rule instanceof RegExp ? rule.test(value) : rule.includes(value);
}

/** The type of the criteria. */
function checkSend(context: Pick<Context, 'tenant' | 'base'>, members: readonly Part[]): string {
  const part = (name: string): string => members.find(({ url }) => url === name)?.valueString ?? '';
  const known = outgoingTypes[part('message')];
  if (known === undefined) throw refusal('send', `for a message of ${Object.keys(outgoingTypes).join(', ')}`);
  const [type = '', query = ''] = part('criteria').split(/\?(.*)/s);
  if (!known.includes(type)) {
    throw refusal(
      'send',
      `for changes of ${known.join(' or ')}, as in ${known[0]}?status=final, where the message is ${part('message')}`,
    );
  }
  if (query !== '') parseSearch(type, [...new URLSearchParams(query)], { parameters: searchParametersOf(context) });
  return type;
}

function refusal(part: string, words: string): Error {
  return outcomeError('business-rule', `"${part}" of an HL7 v2 interface must be ${words}.`, {
    expression: 'Endpoint.extension',
  });
}
