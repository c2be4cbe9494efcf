/** The operator's command line: the table of commands, and how a refusal is said (one line, exit code 1). */
import { Command, InvalidArgumentError, Option } from 'commander';
import { roles, type Choices, type Role } from '../config.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { verifyCommand } from './audit.ts';
import { deleteFeedCommand, listFeedsCommand, setFeedCommand, skipFeedCommand } from './audit-feed.ts';
import { addClientCommand, clientSecretCommand, listClientsCommand, revokeClientCommand } from './client.ts';
import { addInterface, addMessages } from './gateway-commands.ts';
import type { Output } from './connect.ts';
import { collect, json, positive } from './options.ts';
import type { ExportOptions } from './export-asked.ts';
import type { ImportOptions } from './import.ts';
import { rotateKeysCommand } from './keys.ts';
import { clientKinds } from '../access/clients.ts';
import { setCommand, settingNames, unsetCommand } from './setting.ts';
import { createCommand, listCommand, resumeCommand, suspendCommand } from './tenant.ts';
import type { DeleteOptions, DepartOptions } from './depart.ts';
import type { PackageOptions } from './package.ts';
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
  addExport(makhbar);
  addImport(makhbar);
  const keys = makhbar.command('keys').description('keys that sign');
  keys
    .command('show')
    .description('the thumbprint of the key that signs packages and certificates of deletion')
    .addOption(json())
    .action(async (options: Output) => (await import('./package.ts')).showKeyCommand(options));
  keys
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
    .command('catalogue')
    .description('what a laboratory offers')
    .command('load')
    .description('add the starter catalogue: tests, panels, containers; what is there stays as it is')
    .option('--tenant <name>', 'the laboratory', 'demo')
    .addOption(json())
    .action(async (options: Output & { tenant: string }) =>
      (await import('./catalogue.ts')).loadCatalogueCommand(options),
    );
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
  tenant
    .command('package <name> <folder>')
    .description("write all that is the laboratory's own into a folder, signed; goes on where it was stopped")
    .option('--history', 'all versions too')
    .addOption(json())
    .action(async (name: string, folder: string, options: PackageOptions) =>
      (await import('./package.ts')).packageCommand(name, folder, options),
    );
  tenant
    .command('depart <name>')
    .description('announce that it leaves: until the end of the window all can be taken')
    .option('--days <n>', 'how long the window is; 30 without it', positive)
    .option('--cancel', 'it stays')
    .option('--status', 'tell how far it is, and change nothing')
    .addOption(json())
    .action(async (name: string, options: DepartOptions) => (await import('./depart.ts')).departCommand(name, options));
  tenant
    .command('delete <name>')
    .description('delete all of a laboratory whose window is over, and certify it; goes on where it was stopped')
    .requiredOption('--certificate <folder>', 'where the signed certificate is written')
    .option('--confirm <name>', 'its name once more')
    .option('--now', 'before the window is over, on its order')
    .addOption(json())
    .action(async (name: string, options: DeleteOptions) => (await import('./depart.ts')).deleteCommand(name, options));
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

function addExport(makhbar: Command): void {
  makhbar
    .command('export')
    .description('write all of a laboratory to a folder; run again, it goes on where it ended')
    .requiredOption('--tenant <name>', 'the laboratory')
    .requiredOption('--out <folder>', 'one that is empty or not there, or of the same export')
    .addOption(
      new Option('--format <format>', 'what is written').choices(['ndjson', 'hl7v2', 'astm']).default('ndjson'),
    )
    .option('--type <type>', 'only resources of this type (repeatable; AuditEvent is only written when named)', collect)
    .option(
      '--deidentified <project>',
      'without who the patients are, by the rules and the key of a project of research',
    )
    .addOption(json())
    .action(async (options: ExportOptions) => (await import('./export.ts')).exportCommand(options));
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

function collectRole(written: string, before: Role[] | undefined): Role[] {
  const role = roles.find((known) => known === written);
  if (role === undefined) throw new InvalidArgumentError(`Roles are ${roles.join(', ')}.`);
  return [...(before ?? []), role];
}
