// For the search (var, as Sphinx declares it so).
// A section whose title is asked for comes before the pages on which the words are.
var Scorer = {
  score: ([, , anchor, , score]) => (anchor ? score + 100 : score),
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
