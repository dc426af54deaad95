// Every word must occur; one in the title counts more, more still as a whole word ("figure 4" is not 14), and most the
// whole query at the title's beginning. Text goes into the page as text, never as HTML.
const entries = JSON.parse(document.getElementById("index").textContent);
const box = document.getElementById("q");
const count = document.getElementById("count");
const results = document.getElementById("results");

function score(entry, words) {
  const title = entry.title.toLowerCase(), text = entry.text.toLowerCase();
  const titleWords = title.split(/[^\p{L}\p{N}]+/u), begins = (title + " ").startsWith(words.join(" "));
  let sum = begins && !/[\p{L}\p{N}]/u.test((title + " ")[words.join(" ").length]) ? 50 : 0;
  for (const word of words) {
    if (titleWords.includes(word)) sum += 20;
    else if (title.includes(word)) sum += 10;
    else if (text.includes(word)) sum += 1;
    else return 0;
  }
  return sum;
}

function around(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 60);
  return (at ? "… " : "") + text.slice(at, at + 200) + (text.length > at + 200 ? " …" : "");
}

function search() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries.map(entry => [score(entry, words), entry]).filter(([sum]) => sum > 0 && words.length);
  found.sort((one, other) => other[0] - one[0]);
  count.textContent = words.length ? found.length + " found" + (found.length > 50 ? ", the first 50 shown" : "") : "Type a word.";
  results.replaceChildren(...found.slice(0, 50).map(([, entry]) => {
    const item = document.createElement("li"), link = document.createElement("a"), words_around = document.createElement("p");
    link.href = entry.address;
    link.textContent = entry.title;
    words_around.textContent = around(entry.text, words[0]);
    item.append(link, words_around);
    return item;
  }));
}

box.value = new URLSearchParams(location.search).get("q") || "";
box.addEventListener("input", search);
box.form.addEventListener("submit", event => { event.preventDefault(); search(); });
search();
