import { expect, test } from "vitest";
import { meetingAt } from "./meeting.ts";

function words(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
}

test("after a thread was lost no later meeting is held without it", () => {
  const memory = words();
  const [first, second] = [meetingAt(memory, 0, 2), meetingAt(memory, 0, 2)];
  second.leave();
  for (let pass = 0; pass < 3; pass++)
    expect(() => first.meet()).toThrow(expect.objectContaining({ code: "runtime/thread" }));
});

test("the number of a pass goes on after 2^31 - 1 as the word does that it is compared with", () => {
  const memory = words();
  new Int32Array(memory.buffer)[0] = 2 ** 31 - 1;
  const meeting = meetingAt(memory, 0, 2);
  const seen = meeting.passes();
  meeting.begin();
  expect(meeting.next(seen)).toBe(meeting.passes());
});
