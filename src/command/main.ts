/** The operator's command line: the table of commands, and how a refusal is said (one line, exit code 1). */
import { Command, InvalidArgumentError, Option } from 'commander';
import { roles, type Choices, type Role } from '../config.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { verifyCommand } from './audit.ts';
import { deleteFeedCommand, listFeedsCommand, setFeedCommand, skipFeedCommand } from './audit-feed.ts';
import { addClientCommand, clientSecretCommand, listClientsCommand, revokeClientCommand } from './client.ts';
import type { Output } from './connect.ts';
import type { ExplainOptions } from './explain.ts';
import type { ImportOptions } from './import.ts';
import type { InterfaceOptions } from './interface.ts';
import type { ListOptions, ReplayOptions } from './messages.ts';
import { rotateKeysCommand } from './keys.ts';
import { clientKinds } from '../access/clients.ts';
import { setCommand, settingNames, unsetCommand } from './setting.ts';
import { createCommand, listCommand, resumeCommand, suspendCommand } from './tenant.ts';
import type { ForwardOptions, RequestsOptions } from './privacy.ts';
import { tokenCommand } from './token.ts';
import {
  addUserCommand,
  disableUserCommand,
  enableUserCommand,
  inviteUserCommand,
  listUsersCommand,
  resetUserCommand,
  userRolesCommand,
} from './user.ts';
import { usageCommand } from './usage.ts';

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    process.stderr.write(`makhbar: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function program(): Command {
  const makhbar = new Command('makhbar').description('FHIR-native laboratory server').showHelpAfterError();
  makhbar
    .command('start')
    .description('run the server until SIGTERM or Ctrl-C')
    .addOption(new Option('--only <role>', 'run only this role (repeatable)').choices(roles).argParser(collectRole))
    .option('--workers <n>', 'processes that share the HTTP port', positive, 1)
    // Loaded only here: the other commands need no server, and take half the time without it.
    .action(async (choices: Choices) => (await import('./start.ts')).startCommand(choices));
  addTenant(makhbar);
  addUser(makhbar);
  addClient(makhbar);
  addImport(makhbar);
  makhbar
    .command('keys')
    .description('keys that sign tokens')
    .command('rotate <tenant>')
    .description('sign with new keys from now on')
    .addOption(json())
    .action(rotateKeysCommand);
  const audit = makhbar.command('audit').description('the audit log');
  audit
    .command('verify <tenant>')
    .description('check that the log is as it was written; exit code 1 where it is not')
    .option('--from <date>', 'events from this date or instant on')
    .option('--to <date>', 'events up to this date or instant')
    .option('--published <file>', 'compare with the seals that were published to this file')
    .addOption(json())
    .action(verifyCommand);
  addFeed(audit);
  addInterface(makhbar);
  addMessages(makhbar);
  addPrivacy(makhbar);
  makhbar
    .command('token <tenant>')
    .description('print an access token, good for an hour at most')
    .option('--scope <scopes>', 'SMART scopes, separated by spaces', 'system/*.cruds')
    .option('--ttl <seconds>', 'how long it is good', positive, 3600)
    .addOption(json())
    .action(tokenCommand);
  return makhbar;
}

function addFeed(audit: Command): void {
  const feed = audit.command('feed').description('where the audit log of a laboratory goes');
  feed
    .command('set <tenant> <name>')
    .description('send the log to a repository (IHE ITI-20); what is set takes the place of what was')
    .requiredOption('--kind <kind>', 'fhir or syslog')
    .requiredOption('--address <url>', 'https://host/fhir, or tls://host:6514')
    .option('--authority <file>', 'certificate (PEM) of who vouches for the receiver')
    .option('--certificate <file>', 'certificate (PEM) of this side, for mutual TLS')
    .option('--key <file>', 'its key (PEM)')
    .option('--token <file>', 'file with a bearer token (fhir)')
    .option('--batch <n>', 'most events at a time; 1 where the receiver takes no batches', '50')
    .option('--from-beginning', 'a new feed begins with the first event, not with the next')
    .option('--paused', 'send nothing for now')
    .addOption(json())
    .action(setFeedCommand);
  feed
    .command('list <tenant>')
    .description('all feeds and how far they are')
    .addOption(json())
    .action(listFeedsCommand);
  feed
    .command('skip <tenant> <name>')
    .description('leave out the next event, which the receiver will never take')
    .addOption(json())
    .action(skipFeedCommand);
  feed
    .command('delete <tenant> <name>')
    .description('send nothing more; where it was is forgotten')
    .addOption(json())
    .action(deleteFeedCommand);
}

// Loaded only where they are used: they need all of the server.
function addInterface(makhbar: Command): void {
  const one = makhbar.command('interface').description('HL7 v2 interfaces of a laboratory');
  one
    .command('add <tenant>')
    .description('take messages from an address, send them to one, or both')
    .requiredOption('--name <name>', 'its name for people')
    .option('--allow <address>', 'an address, a network or `loopback` that may connect (repeatable)', collect)
    .option('--port <port>', 'a port of its own; HL7_PORT without', positive)
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
    .command('list <tenant>')
    .description('all that are active, and how their queues stand')
    .addOption(json())
    .action(async (tenant: string, options: Output) =>
      (await import('./interface.ts')).listInterfacesCommand(tenant, options),
    );
}

function addMessages(makhbar: Command): void {
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

function addTenant(makhbar: Command): void {
  const tenant = makhbar.command('tenant').description('laboratories on this server');
  tenant
    .command('create <name>')
    .description('make a laboratory')
    .option('--title <title>', 'its name for people')
    .addOption(json())
    .action(createCommand);
  tenant.command('list').description('all laboratories').addOption(json()).action(listCommand);
  tenant
    .command('suspend <name>')
    .description('refuse all its requests; nothing is deleted')
    .addOption(json())
    .action(suspendCommand);
  tenant
    .command('set <name> <setting> <value>')
    .description(`change a setting: ${settingNames.join(', ')}`)
    .addOption(json())
    .action(setCommand);
  tenant
    .command('unset <name> <setting>')
    .description('take a setting back: its default holds again')
    .addOption(json())
    .action(unsetCommand);
  tenant
    .command('usage <name>')
    .description('what it used this month, or from a day to a day')
    .option('--from <day>', 'first day (UTC), as in 2026-01-31')
    .option('--to <day>', 'last day')
    .addOption(json())
    .action(usageCommand);
  tenant.command('resume <name>').description('end a suspension').addOption(json()).action(resumeCommand);
}

function addUser(makhbar: Command): void {
  const user = makhbar.command('user').description('users of a laboratory');
  user
    .command('add <tenant> <username>')
    .description('invite a user; prints the link to hand over')
    .option('--role <role>', 'repeatable', collect)
    .option('--display <name>', 'name for people')
    .option('--email <address>')
    .option('--fhir-user <reference>', 'who it is, as in Practitioner/7')
    .addOption(json())
    .action(addUserCommand);
  user.command('list <tenant>').description('all users with their roles').addOption(json()).action(listUsersCommand);
  user
    .command('invite <tenant> <username>')
    .description('print a new link for a user who has lost the first')
    .addOption(json())
    .action(inviteUserCommand);
  user
    .command('reset <tenant> <username>')
    .description('print a link for a new password; ends a lock-out')
    .option('--factors', 'the second factor is lost too: remove it and the recovery codes')
    .addOption(json())
    .action(resetUserCommand);
  user
    .command('disable <tenant> <username>')
    .description('end all access at once; nothing is deleted')
    .addOption(json())
    .action(disableUserCommand);
  user.command('enable <tenant> <username>').description('end that').addOption(json()).action(enableUserCommand);
  user
    .command('roles <tenant> [username] [roles...]')
    .description('list the roles; with a username show the roles of a user, with roles (or none) set them')
    .addOption(json())
    .action(userRolesCommand);
}

function addImport(makhbar: Command): void {
  makhbar
    .command('import <path>')
    .description('read a file, or the *.ndjson and *.ndjson.gz of a folder, into a laboratory')
    .requiredOption('--tenant <name>', 'the laboratory')
    .addOption(
      new Option('--match <by>', 'what makes a resource the same as one that is there').choices(['id', 'identifier']),
    )
    .option('--report-only', 'store nothing, and tell what would be refused')
    .addOption(json())
    .action(async (path: string, options: ImportOptions) => (await import('./import.ts')).importCommand(path, options));
}

function addPrivacy(makhbar: Command): void {
  const privacy = makhbar.command('privacy').description('requests of persons about their data');
  privacy
    .command('forward <tenant>')
    .description('hand a request that came to you on to the laboratory; prints the receipt for the person')
    .requiredOption('--type <type>', 'access, portability, rectification, restriction, objection or erasure')
    .option('--patient <reference>', 'who it is, where that is known, as in Patient/7')
    .option('--name <name>', 'who it is, as the person says')
    .option('--contact <text>', 'how to reach the person')
    .option('--text <file>', 'file with what the person wrote; - reads it from standard input')
    .option('--received <date>', 'when it came; now without it')
    .option('--language <language>', 'en, fr or ar')
    .addOption(json())
    .action(async (tenant: string, options: ForwardOptions) =>
      (await import('./privacy.ts')).forwardCommand(tenant, options),
    );
  privacy
    .command('list <tenant>')
    .description('open requests, the most urgent first')
    .option('--overdue', 'those only that should have been answered')
    .addOption(json())
    .action(async (tenant: string, options: RequestsOptions) =>
      (await import('./privacy.ts')).listRequestsCommand(tenant, options),
    );
}

function collect(written: string, before: string[] | undefined): string[] {
  return [...(before ?? []), written];
}

function addClient(makhbar: Command): void {
  const client = makhbar.command('client').description('applications of a laboratory');
  client
    .command('add <tenant>')
    .description('register an application')
    .requiredOption('--kind <kind>', `one of ${clientKinds.join(', ')}`)
    .requiredOption('--name <name>', 'its name for people')
    .option('--id <id>', 'client id; without it one is made')
    .option('--scope <scopes>', 'what it may ask for, separated by spaces')
    .option('--redirect <uri...>', 'where people are sent back to')
    .option('--post-logout <uri...>', 'where people are sent after signing out')
    .option('--jwks <file>', 'file with its public keys')
    .option('--jwks-uri <url>', 'address of its public keys')
    .option('--launch <url>', 'where an EMR launches it')
    .option('--logo <url>', 'its logo')
    .option('--native', 'an app on a device, with a scheme or a loopback address of its own')
    .option('--trusted', 'people are not asked what to grant')
    .option('--without-consent', 'consents of patients do not bind it (acts for the laboratory itself)')
    .addOption(json())
    .action(addClientCommand);
  client.command('list <tenant>').description('all applications').addOption(json()).action(listClientsCommand);
  client
    .command('revoke <tenant> <id>')
    .description('end its access, tokens already issued included')
    .addOption(json())
    .action(revokeClientCommand);
  client
    .command('secret <tenant> <id>')
    .description('give it a new secret; the old one is no longer good')
    .addOption(json())
    .action(clientSecretCommand);
}

function json(): Option {
  return new Option('--json', 'for machines');
}

function positive(written: string): number {
  if (/^[1-9]\d{0,5}$/.test(written)) return Number(written);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function collectRole(written: string, before: Role[] | undefined): Role[] {
  const role = roles.find((known) => known === written);
  if (role === undefined) throw new InvalidArgumentError(`Roles are ${roles.join(', ')}.`);
  return [...(before ?? []), role];
}
