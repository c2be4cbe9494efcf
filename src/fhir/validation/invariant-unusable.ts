/**
 * Constraints of R4 that are published but cannot be used as they are, each with its reason.
 */
export const unusable: Readonly<Record<string, string>> = {
  'ctm-1':
    'Needs the resource behind CareTeam.participant.member (resolve()); when it is not at hand the constraint holds by its own text.',
  'con-3':
    'Compares a CodeableConcept with a string ($this = "problem-list-item"), so it warns of every Condition that has a category and no clinicalStatus.',
  'dom-6':
    'A recommendation ("should have narrative") that data of laboratories do not follow: a warning on nearly everything says nothing.',
};
