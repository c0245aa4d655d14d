package dev.tidegate.example;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import tidegate.v1.Guard.Chunk;
import tidegate.v1.Guard.Direction;
import tidegate.v1.Guard.Start;
import tidegate.v1.Guard.StreamRequest;
import tidegate.v1.Guard.StreamResponse;
import tidegate.v1.GuardServiceGrpc;

/** Guards a model's tokens while they flow: {@code Example [ADDRESS] [POLICY]}, text on standard input. */
public final class Example {
  private Example() {}

  public static void main(String[] arguments) throws Exception {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:50051";
    String policy = arguments.length > 1 ? arguments[1] : "";
    ManagedChannel channel = ManagedChannelBuilder.forTarget(address).usePlaintext().build();
    CountDownLatch over = new CountDownLatch(1);
    StreamObserver<StreamRequest> requests =
        GuardServiceGrpc.newStub(channel).withDeadlineAfter(10, TimeUnit.MINUTES).stream(new Shown(over));
    Start start = Start.newBuilder().setPolicy(policy).setDirection(Direction.DIRECTION_OUTPUT).build();
    requests.onNext(StreamRequest.newBuilder().setStart(start).build());
    byte[] buffer = new byte[4096];
    for (int count = System.in.read(buffer); count >= 0 && over.getCount() > 0; count = System.in.read(buffer)) {
      Chunk chunk = Chunk.newBuilder().setData(ByteString.copyFrom(buffer, 0, count)).build(); // may end in a character
      requests.onNext(StreamRequest.newBuilder().setChunk(chunk).build());
    }
    requests.onCompleted();
    over.await();
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  /** Shows what may be shown. */
  private static final class Shown implements StreamObserver<StreamResponse> {
    private final CountDownLatch over;

    Shown(CountDownLatch over) {
      this.over = over;
    }

    @Override
    public void onNext(StreamResponse response) {
      switch (response.getMessageCase()) {
        case RELEASE -> System.out.print(response.getRelease().getText());
        case VERDICT -> System.out.print(response.getVerdict().getJoint() + response.getVerdict().getMessage());
        default -> {} // the summary
      }
      System.out.flush();
    }

    @Override
    public void onError(Throwable thrown) {
      System.err.println(Status.fromThrowable(thrown)); // its code says whether another try is worth it
      over.countDown();
    }

    @Override
    public void onCompleted() {
      over.countDown();
    }
  }
}
