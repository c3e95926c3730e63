package main

import (
	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
)

// hpcCommand has the queries that the real program offers on its command line and does not answer.
func hpcCommand() *cobra.Command {
	hpc := &cobra.Command{Use: "hpc", Short: "Querying commands for the hpc module", RunE: client.ValidateCmd}
	hpc.AddCommand(unimplemented("jobs", "Jobs"), unimplemented("clusters", "Clusters"))
	return hpc
}

// unimplemented asks the node, so that a node that does not answer is told from one that cannot.
func unimplemented(name, method string) *cobra.Command {
	cmd := &cobra.Command{
		Use:  name,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			context, err := client.GetClientQueryContext(cmd)
			if err != nil {
				return err
			}
			node, err := context.GetNode()
			if err != nil {
				return err
			}
			if _, err := node.Status(cmd.Context()); err != nil {
				return err
			}
			return status.Errorf(codes.Unimplemented, "method %s not implemented", method)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	flags.AddPaginationFlagsToCmd(cmd, name)
	return cmd
}
