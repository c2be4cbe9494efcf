/** `makhbar interface test`: tries an interface out, without leaving anything but an event that says so. */
import type { Config } from '../config.ts';
import { thing } from '../audit/security.ts';
import { sessionOf } from '../gateways/gateway.ts';
import { readServedAstm } from '../gateways/astm/interfaces.ts';
import type { ServedAstm } from '../gateways/astm/gateway.ts';
import { isFine, tryLine, type TriedLine } from '../gateways/astm/tried.ts';
import { readServed, type Served } from '../gateways/hl7v2/interfaces.ts';
import { isSending } from '../gateways/hl7v2/sendings.ts';
import type { Interface } from '../gateways/hl7v2/settings.ts';
import { isOpen, peerAnswers, type Answered, type Open } from '../gateways/hl7v2/tried.ts';
import { interfaceEndpoint } from '../gateways/hl7v2/settings.ts';
import { explained, oneMessage } from '../operations/explained.ts';
import { named } from './batch-import.ts';
import { print, type Output } from './connect.ts';
import { within, type Inside } from './messages.ts';
import { noteCommand } from './note.ts';

interface Tested {
  readonly id: string;
  readonly name: string;
  /** Of an analyzer that speaks ASTM. */
  readonly line?: TriedLine;
  /** Undefined where it takes no messages. */
  readonly takes?: Taking;
  readonly sends?: Answered & { readonly to: string };
}

interface Taking extends Open {
  readonly port: number;
  readonly allowed: readonly string[];
  readonly secure: boolean;
  /** Types of the resources that a message becomes that is only tried. */
  readonly sample: readonly string[];
  readonly problems: readonly string[];
}

export async function testInterfaceCommand(tenant: string, name: string, options: Output): Promise<void> {
  const tested = await within(tenant, async (inside) => {
    const { server, tenant: laboratory } = inside;
    const all = [...(await readServed(server, laboratory)), ...(await readServedAstm(server, laboratory))];
    const served = named<(typeof all)[number]>(all, name);
    await noteCommand(inside.database, inside.tenant, { kind: 'interface-tested', deed: 'makhbar interface test' }, [
      thing('setting', `Endpoint/${served.interface.id}`),
    ]);
    return isAnalyzer(served) ? analyzerOf(inside, served) : testOf(inside, served);
  });
  print(options, tested, textOf(tested));
  const fine =
    tested.takes?.open !== false &&
    tested.sends?.failure === undefined &&
    (tested.line === undefined || isFine(tested.line));
  if (!fine) process.exitCode = 1;
}

function isAnalyzer(served: Served | ServedAstm): served is ServedAstm {
  return 'driver' in served.interface;
}

async function analyzerOf({ server }: Inside, served: ServedAstm): Promise<Tested> {
  const { id, name } = served.interface;
  return { id, name, line: await tryLine(server.config, served) };
}

async function testOf(inside: Inside, served: Served): Promise<Tested> {
  const { interface: own } = served;
  const session = sessionOf(inside.server, inside.tenant);
  return {
    id: own.id,
    name: own.name,
    ...(own.allowed.length > 0 && { takes: await takingOf(inside, own) }),
    ...(isSending(served) && {
      sends: { to: served.interface.out.to, ...(await peerAnswers(inside.server, served, session)) },
    }),
  };
}

async function takingOf(inside: Inside, own: Interface): Promise<Taking> {
  const { config }: { config: Config } = inside.server;
  const port = own.port === 0 ? config.hl7Port : own.port;
  const { resources, problems } = await sampleOf(inside, own);
  return {
    port,
    allowed: own.allowed,
    secure: own.secure,
    ...(await isOpen(config.host, port, own.secure)),
    sample: resources.map(({ name }) => name),
    problems: problems.map(({ sentence }) => sentence),
  };
}

/** A result of nobody, translated as the interface is set and not stored. */
async function sampleOf(
  { server, tenant }: Inside,
  own: Interface,
): Promise<Pick<Awaited<ReturnType<typeof explained>>, 'resources' | 'problems'>> {
  const { application, facility, charset, zone } = own;
  const endpoint = interfaceEndpoint({
    ...{ name: own.name, address: 'mllp://localhost', allowed: own.allowed, charset, systems: own.systems },
    ...(zone !== undefined && { zone }),
    conceptMaps: own.conceptMaps,
  });
  const text = [
    `MSH|^~\\&|${application || 'TEST'}|${facility || 'TEST'}|||20260131081500||ORU^R01^ORU_R01|test|T|2.5.1`,
    'PID|1||TEST-0^^^TEST^MR||Test^Nobody',
    'OBR|1||TEST-0^TEST|2823-3^Potassium^LN|||20260131080000|||||||||||||||||F',
    'OBX|1|NM|2823-3^Potassium^LN||4.10|mmol/L^^UCUM|3.5-5.1|N|||F',
  ].join('\r');
  const of = { session: sessionOf(server, tenant), tenant, endpoint: { ...endpoint, id: own.id } };
  return explained(of, oneMessage(text, of.endpoint));
}

function textOf({ id, name, takes, sends, line }: Tested): string {
  return [
    `Endpoint/${id}  ${name}`,
    ...(line === undefined ? [] : [lineText(line)]),
    ...(takes === undefined ? [] : takesText(takes)),
    ...sendsText(sends),
  ].join('\n');
}

const meanings: Readonly<Record<string, string>> = {
  ACK: 'is ready to take messages',
  NAK: 'is busy',
  ENQ: 'has something to send itself',
};

function lineText(line: TriedLine): string {
  switch (line.kind) {
    case 'listen':
      return listensText(line);
    case 'connect': {
      const { answer = '', failure, milliseconds } = line;
      if (failure !== undefined) return `the analyzer does NOT answer: ${failure}`;
      return `the analyzer answers ENQ with ${answer} after ${milliseconds} ms: it ${meanings[answer] ?? ''}`;
    }
    case 'serial':
      return line.failure === undefined ? `${line.path} is there` : `${line.path} cannot be used: ${line.failure}`;
    case 'folder':
      return line.failure === undefined ? `${line.path}: ${line.waiting} files wait` : `${line.path}: ${line.failure}`;
  }
}

function listensText({ port, open, secure, protocol, subject, validTo }: Open & Listening): string {
  const tls = secure ? `, ${protocol ?? 'TLS'} ${subject ?? ''} until ${validTo ?? ''}` : '';
  return open ? `listens on port ${port}${tls}` : `does NOT listen on port ${port}`;
}

interface Listening {
  readonly port: number;
  readonly secure: boolean;
}

function takesText({ allowed, sample, problems, ...place }: Taking): string[] {
  return [
    listensText(place),
    `takes messages from ${allowed.join(', ')}`,
    problems.length === 0 ? `a sample message becomes ${sample.join(', ')}` : `a sample message: ${problems.join(' ')}`,
  ];
}

function sendsText(sends: Tested['sends']): string[] {
  if (sends === undefined) return [];
  const { to, code, failure, milliseconds } = sends;
  return [
    failure === undefined ? `${to} answers ${code} after ${milliseconds} ms` : `${to} does NOT answer: ${failure}`,
  ];
}
