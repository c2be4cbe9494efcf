/** The table of commands for the interfaces of a laboratory and their messages. */
import type { Command } from 'commander';
import { quirks } from '../hl7v2/quirks.ts';
import type { BatchImportOptions } from './batch-import.ts';
import type { Output } from './connect.ts';
import type { ExplainOptions } from './explain.ts';
import type { InterfaceOptions } from './interface.ts';
import type { KeyOptions } from './interface-peer.ts';
import type { ListOptions, ReplayOptions } from './messages.ts';
import { collect, json, positive } from './options.ts';

// Loaded only where they are used: they need all of the server.
export function addInterface(makhbar: Command): void {
  const one = makhbar.command('interface').description('HL7 v2 and ASTM interfaces of a laboratory');
  one
    .command('add <tenant>')
    .description('take messages from an address, send them to one, or both')
    .requiredOption('--name <name>', 'its name for people')
    .option('--allow <address>', 'an address, a network or `loopback` that may connect (repeatable)', collect)
    .option('--port <port>', 'a port of its own; HL7_PORT or ASTM_PORT without', positive)
    .option('--astm', 'an analyzer that speaks ASTM (ASTM_PORT)')
    .option('--connect <host:port>', 'of --astm: the analyzer listens there, and the server connects')
    .option('--serial <address>', 'of --astm: as in /dev/ttyUSB0?baud=9600; the operator allows it with SERIAL_LINES')
    .option('--folder <name>', 'of --astm: a folder below DATA_DIR/drop/{laboratory} into which it puts files')
    .option('--creates-patients', 'of --astm: specimens that are not known are made, with their patients')
    .option('--driver <name>', 'of the folder drivers (default: generic)')
    .option('--sender <text>', 'only what H.5 begins with')
    .option('--frame <characters>', 'of a frame that is sent to it', positive)
    .option('--application <name>', 'only what MSH-3 says this')
    .option('--facility <name>', 'only what MSH-4 says this')
    .option('--charset <name>', 'where MSH-18 says none, as in cp1256')
    .option('--zone <zone>', 'of times without one, as in Asia/Aden')
    .option('--store-only <type>', 'types kept and not translated, as in DFT^P03 (repeatable)', collect)
    .option('--tls', 'TLS with TLS_KEY and TLS_CERT, on a port of its own')
    .option('--client-authority <file>', 'certificate (PEM) of who issues those of clients (repeatable)', collect)
    .option('--client-certificate <sha256>', 'fingerprint that a client must show (repeatable)', collect)
    .option('--concept-map <url>', 'ConceptMap for its local codes (repeatable)', collect)
    .option('--system <authority=uri>', 'system of identifiers of an assigning authority (repeatable)', collect)
    .option('--patient-queries', 'tell it who is a patient (QBP^Q21, Q22, Q23)')
    .option('--order-answers', 'answer its orders one by one (OML with ORL)')
    .option('--quirk <name>', `what it cannot bear: ${Object.keys(quirks).join(' or ')} (repeatable)`, collect)
    .option('--law', 'an analyzer that speaks IHE LAW')
    .option('--test <code>', 'a test that it does, besides those of its ConceptMaps (repeatable)', collect)
    .option('--broadcast', 'its work is sent as it comes, and not only when it asks')
    .option('--device <reference>', 'the analyzer, as in Device/7')
    .option('--out <host:port>', 'where messages are sent')
    .option('--out-tls', 'TLS to there')
    .option('--send <type=criteria>', 'as in ORU^R01=DiagnosticReport?status=final (repeatable)', collect)
    .option('--hl7-version <version>', 'of messages sent, 2.3.1 to 2.8 (default: 2.5.1)')
    .option('--acknowledgement <mode>', 'original, commit or enhanced (default: original)')
    .option('--timeout <seconds>', 'in which the peer must answer (default: 30)', positive)
    .option('--own-application <name>', 'MSH-3 of messages sent')
    .option('--own-facility <name>', 'MSH-4 of messages sent')
    .option('--to-application <name>', 'MSH-5 of messages sent')
    .option('--to-facility <name>', 'MSH-6 of messages sent')
    .option('--authority <file>', 'certificate (PEM) that vouches for the peer')
    .option('--certificate <file>', 'certificate (PEM) of this side, with --key')
    .option('--key <file>', 'its private key (PEM)')
    .addOption(json())
    .action(async (tenant: string, options: InterfaceOptions) =>
      (await import('./interface.ts')).addInterfaceCommand(tenant, options),
    );
  one
    .command('test <tenant> <interface>')
    .description('try one out, by its id or name: its port, a sample message, the peer it sends to; exit code 1 if not')
    .addOption(json())
    .action(async (tenant: string, name: string, options: Output) =>
      (await import('./interface-test.ts')).testInterfaceCommand(tenant, name, options),
    );
  one
    .command('peer <tenant> <interface>')
    .description('other keys for the connection to where it sends; what is not given stays')
    .option('--authority <file>', 'certificate (PEM) that vouches for the peer')
    .option('--certificate <file>', 'certificate (PEM) of this side, with --key')
    .option('--key <file>', 'its private key (PEM)')
    .addOption(json())
    .action(async (tenant: string, name: string, options: KeyOptions) =>
      (await import('./interface-peer.ts')).setPeerCommand(tenant, name, options),
    );
  one
    .command('list <tenant>')
    .description('all that are active, and how their queues stand')
    .addOption(json())
    .action(async (tenant: string, options: Output) =>
      (await import('./interface.ts')).listInterfacesCommand(tenant, options),
    );
}

export function addMessages(makhbar: Command): void {
  const messages = makhbar.command('messages').description('messages of the interfaces of a laboratory');
  messages
    .command('list <tenant>')
    .description('the newest first')
    .option('--status <status>', 'received, stored, applied, rejected, failed; queued, accepted or sent')
    .option('--direction <direction>', 'in or out')
    .option('--interface <id>', 'id of its Endpoint')
    .option('--control-id <id>', 'MSH-10')
    .option('--count <n>', 'how many', positive, 50)
    .addOption(json())
    .action(async (tenant: string, options: ListOptions) =>
      (await import('./messages.ts')).listMessagesCommand(tenant, options),
    );
  messages
    .command('show <tenant> <id>')
    .description('the message as it came and its acknowledgement')
    .addOption(json())
    .action(async (tenant: string, id: string, options: Output) =>
      (await import('./messages.ts')).showMessageCommand(tenant, id, options),
    );
  messages
    .command('explain <tenant> [id]')
    .description('the message field by field, and what it became')
    .option('--file <file>', 'a file with a message that is only tried')
    .option('--interface <id>', 'id of the Endpoint as whose message the file is tried')
    .addOption(json())
    .action(async (tenant: string, id: string | undefined, options: ExplainOptions) =>
      (await import('./explain.ts')).explainMessageCommand(tenant, id, options),
    );
  messages
    .command('import <tenant> <file>')
    .description(
      'take the messages of a file (FHS, BHS, MSH …; also .gz), each once; exit code 1 where one is not taken',
    )
    .requiredOption('--interface <id>', 'id or name of its Endpoint')
    .addOption(json())
    .action(async (tenant: string, file: string, options: BatchImportOptions) =>
      (await import('./batch-import.ts')).importMessagesCommand(tenant, file, options),
    );
  messages
    .command('replay <tenant> [ids...]')
    .description('apply what failed again: these, or all of an interface')
    .option('--interface <id>', 'id of its Endpoint')
    .option('--unmapped', 'give what was applied the codings that ConceptMaps know by now')
    .addOption(json())
    .action(async (tenant: string, ids: string[], options: ReplayOptions) =>
      (await import('./messages.ts')).replayMessagesCommand(tenant, ids, options),
    );
  messages
    .command('retry <tenant> [ids...]')
    .description('send what was given up again: these, or all of an interface')
    .option('--interface <id>', 'id of its Endpoint')
    .addOption(json())
    .action(async (tenant: string, ids: string[], options: ListOptions) =>
      (await import('./messages.ts')).retryMessagesCommand(tenant, ids, options),
    );
  messages
    .command('unmapped <tenant>')
    .description('local codes that no ConceptMap of their interface maps')
    .option('--count <n>', 'how many', positive, 200)
    .addOption(json())
    .action(async (tenant: string, options: Output) =>
      (await import('./messages.ts')).unmappedCommand(tenant, options),
    );
}
