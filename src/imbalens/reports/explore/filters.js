"use strict";
/* Which images are asked for: each choice narrows the others down. */
const filters = (() => {
  const { add, data, fileOf, find, isDoubted, isRight, kindOf, splitOf } = book;

  /* What the two maps differ in; `hasB` is false where there is one map. */
  const OUTCOMES = {
    "wrong in A": [false, undefined],
    "wrong in B": [undefined, false],
    "wrong in A, right in B": [false, true],
    "right in A, wrong in B": [true, false],
    "wrong in both": [false, false],
    "right in both": [true, true],
  };
  const OF_ONE = { wrong: [false, undefined], right: [true, undefined] };
  const DOUBTS = ["in doubt in A", "in doubt in B", "in doubt in A or B"];
  const OTHER = "another than in A";

  const fill = (id, words) => {
    const select = find(id);
    if (!select) return;
    const before = select.value;
    select.replaceChildren();
    add(select, "option", "any", { value: "" });
    for (const word of words) add(select, "option", word, { value: word });
    if (words.includes(before)) select.value = before;
  };

  /* Offer what can be asked of one map or of two. */
  const offer = (hasB) => {
    fill("outcome", Object.keys(hasB ? OUTCOMES : OF_ONE));
    fill("kind-a", data.archetypes);
    fill("kind-b", [OTHER, ...data.archetypes]);
    fill("doubted", hasB ? DOUBTS : ["in doubt"]);
    for (const label of document.querySelectorAll(".of-b")) label.hidden = !hasB;
    for (const word of document.querySelectorAll(".in-a")) word.hidden = !hasB;
    if (!hasB && find("kind-b")) find("kind-b").value = "";
  };

  const value = (id) => find(id)?.value ?? "";

  /* Return whether an image is asked for, as a function of its place. */
  const read = ({ a, b, subject }) => {
    const tests = [];
    const ask = (id, test) => { if (value(id) !== "") tests.push(test(value(id))); };
    ask("label", (code) => (id) => data.given[id].includes(Number(code)));
    ask("taken", (code) => (id) => data.runs[a].predicted?.[id].includes(Number(code)));
    ask("split", (split) => (id) => splitOf(id) === split);
    ask("outcome", (word) => {
      const [inA, inB] = OUTCOMES[word] ?? OF_ONE[word];
      return (id) => (inA === undefined || isRight(a, id, subject) === inA)
        && (inB === undefined || isRight(b, id, subject) === inB);
    });
    ask("kind-a", (kind) => (id) => kindOf(a, id, subject) === kind);
    ask("kind-b", (kind) => (id) => {
      const inB = kindOf(b, id, subject);
      return kind === OTHER ? inB !== kindOf(a, id, subject) : inB === kind;
    });
    ask("doubted", (word) => (id) => (!word.endsWith("in B") && isDoubted(a, id))
      || (word.includes("B") && isDoubted(b, id)));
    const part = value("search").trim().toLowerCase();
    if (part) tests.push((id) => fileOf(id).toLowerCase().includes(part));
    return (id) => tests.every((test) => test(id));
  };

  return { offer, read };
})();
