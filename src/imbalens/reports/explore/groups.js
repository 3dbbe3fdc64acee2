"use strict";
/* Ways of colouring: which groups there are, in which colours, and which of them an image is in. */
const groups = (() => {
  const { data, isKnown, isRight, kindOf, name } = book;
  const OTHERS = "other images", NOT_KNOWN = "not known", UNDEFINED = "not judged";

  /* A CSS variable such as --good may say light-dark(...): let the browser work it out. */
  const resolve = (variable) => {
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = `var(--${variable})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
  };

  /* Each way gives labels, a colour each, and the label of an image in a run; `subject` is the
     class that is asked about where images have several. */
  const byClass = ({ subject }) => {
    if (subject !== null) {
      return {
        named: [[OTHERS, resolve("others")], [name(subject), resolve("run-0")]],
        of: (_, id) => (data.given[id].includes(subject) ? name(subject) : OTHERS),
      };
    }
    const named = data.legend.map(({ label, colour }) => [label, resolve(colour)]);
    const labels = new Map(data.legend.flatMap(({ codes, label }) => codes.map((code) => [code, label])));
    if (data.given.some((own) => !own.length)) named.push([NOT_KNOWN, resolve("others")]);
    return { named, of: (_, id) => labels.get(data.given[id][0]) ?? NOT_KNOWN };
  };

  const byArchetype = ({ subject }) => {
    const named = [[UNDEFINED, resolve("unknown")],
      ...data.archetypes.map((kind, i) => [kind, resolve(`archetype-${i}`)])];
    if (subject !== null) named.unshift([OTHERS, resolve("others")]);
    const has = (id) => subject === null || data.given[id].includes(subject);
    return { named, of: (run, id) => (has(id) ? kindOf(run, id, subject) ?? UNDEFINED : OTHERS) };
  };

  const byRight = ({ subject }) => {
    const [good, bad, odd, others, unknown] = ["good", "bad", "alarm", "others", "unknown"].map(resolve);
    if (subject === null) {
      const of = (run, id) => ({ true: "right", false: "wrong" })[isRight(run, id, null)] ?? NOT_KNOWN;
      return { named: [[NOT_KNOWN, unknown], ["right", good], ["wrong", bad]], of };
    }
    const kinds = ["neither has it nor taken for it", "has it, found", "has it, missed", "taken for it wrongly"];
    const of = (run, id) => {
      const { predicted } = data.runs[run];
      if (predicted === null || !isKnown(id, subject)) return NOT_KNOWN;
      const has = data.given[id].includes(subject), found = predicted[id].includes(subject);
      return kinds[has ? (found ? 1 : 2) : found ? 3 : 0];
    };
    return { named: [[NOT_KNOWN, unknown], ...kinds.map((kind, i) => [kind, [others, good, bad, odd][i]])], of };
  };

  const byBoth = ({ a, b, subject }) => {
    const colours = ["others", "unknown", "run-0", "run-1", "bad"].map(resolve);
    const labels = ["right in both", NOT_KNOWN, "right in A alone", "right in B alone", "wrong in both"];
    const of = (_, id) => {
      const [inA, inB] = [a, b].map((run) => isRight(run, id, subject));
      if (inA === null || inB === null) return NOT_KNOWN;
      return labels[inA ? (inB ? 0 : 2) : inB ? 3 : 4];
    };
    return { named: labels.map((label, i) => [label, colours[i]]), of };
  };

  return { ways: { class: byClass, archetype: byArchetype, right: byRight, both: byBoth }, resolve };
})();
