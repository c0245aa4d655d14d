// Guards an agent's turn: `go run ./agent [ADDRESS] [POLICY] [QUERY]`.
//
// What the model says flows. The call that it makes is held until all of it was judged, and made only then. What the tool
// answers is judged before the model reads it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "example/tidegatev1"
)

// delta is a piece of what a model's SDK yields: its words, or of a call the tool's name or some of the arguments.
type delta struct {
	text string
	lane *pb.Lane
}

type call struct{ name, arguments string }

// refused is the error of a turn in which something may not be.
type refused struct{ rule, message string }

func (r *refused) Error() string { return r.message }

func argument(number int, otherwise string) string {
	if len(os.Args) > number {
		return os.Args[number]
	}
	return otherwise
}

func start(direction pb.Direction) *pb.Start {
	return &pb.Start{Policy: argument(2, ""), Direction: direction, SessionId: "example"}
}

// send hands over what the stream is, then the turn.
func send(stream pb.GuardService_StreamClient, deltas []delta) {
	first := &pb.StreamRequest_Start{Start: start(pb.Direction_DIRECTION_OUTPUT)}
	if stream.Send(&pb.StreamRequest{Message: first}) != nil {
		return // Recv has the reason
	}
	for _, each := range deltas {
		chunk := &pb.Chunk{Lane: each.lane, Payload: &pb.Chunk_Text{Text: each.text}}
		if stream.Send(&pb.StreamRequest{Message: &pb.StreamRequest_Chunk{Chunk: chunk}}) != nil {
			return
		}
	}
	_ = stream.CloseSend()
}

// guardTurn shows the model's words as they may be shown, and returns its calls once all was judged; or refused.
func guardTurn(ctx context.Context, client pb.GuardServiceClient, deltas []delta) ([]*call, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel() // ends the stream also where it is left early: the model need not go on
	stream, err := client.Stream(ctx)
	if err != nil {
		return nil, err
	}
	go send(stream, deltas)
	var calls []*call
	known := map[string]*call{}
	for {
		response, err := stream.Recv()
		if err == io.EOF {
			return calls, nil
		}
		if err != nil {
			return nil, err // its status says whether another try is worth it
		}
		if verdict := response.GetVerdict(); verdict != nil {
			return nil, &refused{verdict.Rule, verdict.Message}
		}
		release := response.GetRelease()
		if release.GetLane().GetChannel() != pb.Channel_CHANNEL_TOOL_ARGUMENTS {
			fmt.Print(release.GetText())
			continue
		}
		id := release.Lane.Call
		if known[id] == nil {
			known[id] = &call{}
			calls = append(calls, known[id])
		}
		if release.Lane.IsName {
			known[id].name += release.Text
		} else {
			known[id].arguments += release.Text
		}
	}
}

// guardResult returns what the model may read of a tool's result: all of it, some of it, or a sentence in its place.
func guardResult(ctx context.Context, client pb.GuardServiceClient, result string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	response, err := client.Check(ctx, &pb.CheckRequest{
		Start: start(pb.Direction_DIRECTION_INPUT),
		Lane:  &pb.Lane{Part: pb.Part_PART_TOOL_RESULT},
		Text:  result,
	})
	if verdict := response.GetVerdict(); verdict != nil {
		return verdict.Message, err
	}
	return response.GetText(), err
}

// model stands in the place of one: it calls search, whose arguments come in pieces.
func model(query string) []delta {
	name := &pb.Lane{Channel: pb.Channel_CHANNEL_TOOL_ARGUMENTS, Call: "call_1", IsName: true} // a text of its own
	arguments := &pb.Lane{Channel: pb.Channel_CHANNEL_TOOL_ARGUMENTS, Call: "call_1"}
	said, _ := json.Marshal(map[string]string{"query": query})
	half := len(said) / 2
	return []delta{
		{"Let me look. ", nil},
		{"search", name},
		{string(said[:half]), arguments},
		{string(said[half:]), arguments},
	}
}

// search stands in the place of a tool.
func search(arguments string) string {
	return "Notes on " + arguments + ": Bread needs flour. Plums keep for a week."
}

func act(ctx context.Context, client pb.GuardServiceClient, query string) error {
	calls, err := guardTurn(ctx, client, model(query))
	if err != nil {
		return err
	}
	for _, each := range calls {
		fmt.Printf("\ncall %s %s\n", each.name, each.arguments)
		result, err := guardResult(ctx, client, search(each.arguments))
		if err != nil {
			return err
		}
		fmt.Println("result", result)
	}
	return nil
}

func main() {
	connection, err := grpc.NewClient(argument(1, "127.0.0.1:50051"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer connection.Close()
	var no *refused
	err = act(context.Background(), pb.NewGuardServiceClient(connection), argument(3, "bread"))
	if errors.As(err, &no) {
		fmt.Printf("\nrefused %s\n", no.message)
		fmt.Fprintln(os.Stderr, "stopped by", no.rule)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
