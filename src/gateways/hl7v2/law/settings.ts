/**
 * What an interface of an analyzer says besides (profile `law`: IHE Laboratory Analytical Workflow, the server is the
 * Analyzer Manager). Pure. IHE PaLM TF-2b, LAB-27 to LAB-29.
 *
 *   part            | says
 *   profile         | law
 *   test            | a code, or system|code, of a test that the analyzer does; besides those of its ConceptMaps. Where
 *                   | neither is given, it does all
 *   workOrders      | broadcast: work goes out as it comes; query (the default): when the analyzer asks for it
 *   orderConnection | same: LAB-28 goes on the connection of the query; own (the default where there is an address `to`)
 *   device          | Device/…: the analyzer
 */
import type { JsonObject } from '../../../fhir/json.ts';
import type { Part } from '../outbound-settings.ts';

export interface Law {
  readonly tests: readonly string[];
  readonly broadcast: boolean;
  readonly sameConnection: boolean;
  readonly device: string | undefined;
}

export function lawOf(parts: readonly Part[]): { law?: Law } {
  const all = (wanted: string): string[] =>
    parts.flatMap(({ url, valueString }) => (url === wanted && valueString !== undefined ? [valueString] : []));
  if (all('profile')[0] !== 'law') return {};
  const isReached = all('to').length > 0;
  return {
    law: {
      tests: all('test'),
      broadcast: isReached && all('workOrders')[0] === 'broadcast',
      sameConnection: !isReached || all('orderConnection')[0] === 'same',
      device: all('device')[0],
    },
  };
}

export function lawParts({
  tests = [],
  broadcast = false,
  sameConnection = false,
  device,
}: Partial<Law>): JsonObject[] {
  const text = (url: string, valueString: string): JsonObject => ({ url, valueString });
  return [
    text('profile', 'law'),
    ...tests.map((test) => text('test', test)),
    ...(broadcast ? [text('workOrders', 'broadcast')] : []),
    ...(sameConnection ? [text('orderConnection', 'same')] : []),
    ...(device === undefined ? [] : [text('device', device)]),
  ];
}
