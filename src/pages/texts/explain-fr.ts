/** A message explained, in French. */
import type { Texts } from './en.ts';

export const explain: Texts['explain'] = {
  title: 'Un message expliqué',
  interface: 'Interface de communication',
  type: 'Type de message',
  id: 'Message reçu',
  received: 'Reçu le',
  status: 'Ce qu’il est devenu',
  statuses: {
    queued: 'à envoyer',
    sent: 'envoyé',
    accepted: 'accepté, sans réponse encore',
    received: 'à appliquer',
    stored: 'conservé, non traduit',
    applied: 'appliqué',
    replayed: 'appliqué à un essai ultérieur',
    rejected: 'refusé',
    failed: 'attend une intervention',
  },
  tried: 'Simple essai\u00a0: rien n’a été enregistré.',
  made: 'Versions créées',
  problems: 'Ce qui ne va pas',
  place: 'Emplacement',
  field: 'Champ',
  value: 'Valeur',
  meaning: 'Signification',
  became: 'Ce qu’il est devenu',
  element: 'Élément',
  from: 'Provient de',
  fixed: 'la règle, pas un champ',
  deeds: {
    joins: 'reçoit ces membres, si le patient l’a',
    moves: 'passe à ce patient avec tout ce qui en dépend',
    unlinks: 'n’est plus lié',
  },
  fates: {
    unused: 'lu, sans effet sur une ressource',
    ignored: 'ignoré',
    decides: 'décide de la traduction du message',
    unfollowed: 'lu\u00a0; le message est trop long pour le suivre',
  },
};
