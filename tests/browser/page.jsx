import { useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

import { useChat } from "@ai-sdk/react";
import ReactMarkdown from "react-markdown";
import rehypeKatex from "rehype-katex";
import rehypeRaw from "rehype-raw";
import remarkGfm from "remark-gfm";
import remarkMath from "remark-math";
import { Streamdown } from "streamdown";

const renderer = new URLSearchParams(location.search).get("renderer");

function Shown({ text }) {
  if (renderer === "streamdown") return <Streamdown>{text}</Streamdown>;
  return (
    <ReactMarkdown remarkPlugins={[remarkGfm, remarkMath]} rehypePlugins={[rehypeRaw, rehypeKatex]}>
      {text}
    </ReactMarkdown>
  );
}

function Chat({ id }) {
  const { messages, sendMessage, status, error } = useChat({ id });
  const [said, setSaid] = useState("");
  const send = (event) => {
    event.preventDefault();
    sendMessage({ text: said });
    setSaid("");
  };
  return (
    <main data-chat={id} data-status={status}>
      {messages.map((message) => {
        const text = message.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
        return (
          <article key={message.id} className={message.role}>
            <div className="shown"><Shown text={text} /></div>
            <pre className="written" hidden>{text}</pre>
          </article>
        );
      })}
      {error && <p role="alert">An error occurred.</p>}
      <form onSubmit={send}><input value={said} onChange={(event) => setSaid(event.target.value)} /></form>
    </main>
  );
}

/** A new chat for each fragment of the address. */
function Page() {
  const chat = useSyncExternalStore(onFragment, () => location.hash);
  return <Chat key={chat} id={chat} />;
}

function onFragment(changed) {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

createRoot(document.getElementById("root")).render(<Page />);
