package dev.tidegate.example;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import tidegate.v1.Guard.Channel;
import tidegate.v1.Guard.CheckRequest;
import tidegate.v1.Guard.CheckResponse;
import tidegate.v1.Guard.Chunk;
import tidegate.v1.Guard.Direction;
import tidegate.v1.Guard.Lane;
import tidegate.v1.Guard.Part;
import tidegate.v1.Guard.Release;
import tidegate.v1.Guard.Start;
import tidegate.v1.Guard.StreamRequest;
import tidegate.v1.Guard.StreamResponse;
import tidegate.v1.GuardServiceGrpc;

/**
 * Guards an agent's turn: {@code Agent [ADDRESS] [POLICY] [QUERY]}.
 *
 * <p>What the model says flows. The call that it makes is held until all of it was judged, and made only then. What the
 * tool answers is judged before the model reads it.
 */
public final class Agent {
  private final ManagedChannel channel;
  private final Start known;

  private Agent(ManagedChannel channel, String policy) {
    this.channel = channel;
    this.known = Start.newBuilder().setPolicy(policy).setSessionId("example").build();
  }

  public static void main(String[] arguments) throws Exception {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:50051";
    String policy = arguments.length > 1 ? arguments[1] : "";
    String query = arguments.length > 2 ? arguments[2] : "bread";
    ManagedChannel channel = ManagedChannelBuilder.forTarget(address).usePlaintext().build();
    try {
      new Agent(channel, policy).act(query);
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private void act(String query) throws Exception {
    try {
      for (Call call : guardTurn(model(query))) {
        System.out.printf("%ncall %s %s%n", call.name, call.arguments);
        System.out.println("result " + guardResult(search(call.arguments.toString())));
      }
    } catch (ExecutionException failed) {
      if (!(failed.getCause() instanceof Refused refused)) {
        throw failed; // its status says whether another try is worth it
      }
      System.out.printf("%nrefused %s%n", refused.getMessage());
      System.err.println("stopped by " + refused.rule);
    }
  }

  /** Shows the model's words as they may be shown; the calls, once all was judged. Fails with {@link Refused}. */
  private Collection<Call> guardTurn(Iterable<Delta> deltas) throws InterruptedException, ExecutionException {
    Turn turn = new Turn();
    StreamObserver<StreamRequest> requests =
        GuardServiceGrpc.newStub(channel).withDeadlineAfter(10, TimeUnit.MINUTES).stream(turn);
    Start start = known.toBuilder().setDirection(Direction.DIRECTION_OUTPUT).build();
    requests.onNext(StreamRequest.newBuilder().setStart(start).build());
    for (Delta delta : deltas) {
      if (turn.judged.isDone()) {
        break; // the model need not go on
      }
      Chunk chunk = Chunk.newBuilder().setLane(delta.lane).setText(delta.text).build();
      requests.onNext(StreamRequest.newBuilder().setChunk(chunk).build());
    }
    requests.onCompleted();
    return turn.judged.get();
  }

  /** What the model may read of a tool's result: all of it, some of it, or a sentence in its place. */
  private String guardResult(String result) {
    CheckRequest request =
        CheckRequest.newBuilder()
            .setStart(known.toBuilder().setDirection(Direction.DIRECTION_INPUT))
            .setLane(Lane.newBuilder().setPart(Part.PART_TOOL_RESULT))
            .setText(result)
            .build();
    CheckResponse response =
        GuardServiceGrpc.newBlockingStub(channel).withDeadlineAfter(30, TimeUnit.SECONDS).check(request);
    return response.hasVerdict() ? response.getVerdict().getMessage() : response.getText();
  }

  /** In the place of a model: it calls {@code search}, whose arguments come in pieces. */
  private static List<Delta> model(String query) {
    Lane words = Lane.getDefaultInstance();
    Lane arguments = Lane.newBuilder().setChannel(Channel.CHANNEL_TOOL_ARGUMENTS).setCall("call_1").build();
    Lane name = arguments.toBuilder().setIsName(true).build(); // a text of its own, beside the arguments
    return List.of(
        new Delta("Let me look. ", words),
        new Delta("search", name),
        new Delta("{\"query\": \"", arguments),
        new Delta(query, arguments),
        new Delta("\"}", arguments));
  }

  /** In the place of a tool. */
  private static String search(String arguments) {
    return "Notes on " + arguments + ": Bread needs flour. Plums keep for a week.";
  }

  /** A piece of what a model's SDK yields: its words, or of a call the tool's name or some of the arguments. */
  private record Delta(String text, Lane lane) {}

  private record Call(StringBuilder name, StringBuilder arguments) {}

  private static final class Refused extends Exception {
    private final String rule;

    Refused(String rule, String message) {
      super(message);
      this.rule = rule;
    }
  }

  /** Takes what comes out of a turn. */
  private static final class Turn implements StreamObserver<StreamResponse> {
    private final Map<String, Call> calls = new LinkedHashMap<>();
    private final CompletableFuture<Collection<Call>> judged = new CompletableFuture<>();

    @Override
    public void onNext(StreamResponse response) {
      switch (response.getMessageCase()) {
        case RELEASE -> take(response.getRelease());
        case VERDICT -> judged.completeExceptionally(
            new Refused(response.getVerdict().getRule(), response.getVerdict().getMessage()));
        default -> {} // the summary
      }
    }

    private void take(Release release) {
      Lane lane = release.getLane();
      if (lane.getChannel() != Channel.CHANNEL_TOOL_ARGUMENTS) {
        System.out.print(release.getText());
        System.out.flush();
        return;
      }
      Call call = calls.computeIfAbsent(lane.getCall(), id -> new Call(new StringBuilder(), new StringBuilder()));
      (lane.getIsName() ? call.name : call.arguments).append(release.getText());
    }

    @Override
    public void onError(Throwable thrown) {
      judged.completeExceptionally(thrown);
    }

    @Override
    public void onCompleted() {
      judged.complete(calls.values());
    }
  }
}
