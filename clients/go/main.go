// Guards a model's tokens while they flow: `go run . [ADDRESS] [POLICY]`, text on standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "example/tidegatev1"
)

func argument(number int, otherwise string) string {
	if len(os.Args) > number {
		return os.Args[number]
	}
	return otherwise
}

// send hands over what the stream is, then text as it comes, however it was cut.
func send(stream pb.GuardService_StreamClient, policy string) {
	start := &pb.Start{Policy: policy, Direction: pb.Direction_DIRECTION_OUTPUT, SessionId: "example"}
	if stream.Send(&pb.StreamRequest{Message: &pb.StreamRequest_Start{Start: start}}) != nil {
		return // Recv has the reason
	}
	buffer := make([]byte, 4096)
	for {
		count, err := os.Stdin.Read(buffer)
		// Bytes may end inside a character.
		chunk := &pb.Chunk{Payload: &pb.Chunk_Data{Data: append([]byte{}, buffer[:count]...)}}
		if count > 0 && stream.Send(&pb.StreamRequest{Message: &pb.StreamRequest_Chunk{Chunk: chunk}}) != nil {
			return
		}
		if err != nil {
			_ = stream.CloseSend()
			return
		}
	}
}

func main() {
	connection, err := grpc.NewClient(argument(1, "127.0.0.1:50051"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	stream, err := pb.NewGuardServiceClient(connection).Stream(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go send(stream, argument(2, ""))
	for {
		response, err := stream.Recv()
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err) // its status says whether another try is worth it
			os.Exit(1)
		}
		switch message := response.Message.(type) {
		case *pb.StreamResponse_Release:
			fmt.Print(message.Release.Text)
		case *pb.StreamResponse_Verdict:
			fmt.Print(message.Verdict.Joint, message.Verdict.Message)
			return
		}
	}
}
