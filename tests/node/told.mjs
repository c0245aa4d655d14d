/** What a kit handed to its application, and the tool that the model may call. */

import { z } from "zod";

/** Collects what an application reads: `objects` as they came, and the texts, calls and endings in them. */
export class Told {
  text = "";
  reasoning = "";
  calls = [];
  ended = "";
  /** The pieces of a stream, as they came. */
  chunks = [];
  /** Whole answers and messages. */
  objects = [];
  /** The arguments with which the tool was run. */
  ran = [];
  /** Name and message of what was raised. */
  error = "";

  say(text) {
    this.text += text ?? "";
  }

  think(text) {
    this.reasoning += text ?? "";
  }

  call(name, input) {
    this.calls.push([name, input]);
  }

  /** The tool's work. */
  pay = async ({ card, sum }) => {
    this.ran.push({ card, sum });
    return "paid";
  };
}

export const KEY = "unused";
export const NAME = "pay";
export const DESCRIPTION = "Pays a sum with a card";
export const SCHEMA = z.object({ card: z.string(), sum: z.number() });
export const PARAMETERS = {
  type: "object",
  properties: { card: { type: "string" }, sum: { type: "number" } },
  required: ["card", "sum"],
  additionalProperties: false,
};

export const asked = (text) => [{ role: "user", content: text }];
