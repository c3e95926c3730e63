package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Dimension is the number of features of a subject.
const Dimension = 768

const weightsFile = "variables/variables.data-00000-of-00001"

// Metadata is what the export says about itself; absent values are not compared.
type Metadata struct {
	Version string `json:"version"`
	Hash    string `json:"model_hash"`
}

// ReadMetadata takes the file in the parent directory first, as the real loader does. Without a file
// it is empty.
func ReadMetadata(dir string) (Metadata, error) {
	var found Metadata
	for _, place := range []string{filepath.Dir(filepath.Clean(dir)), dir} {
		content, err := os.ReadFile(filepath.Join(place, metadataFile))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(content, &found)
		}
		return found, err
	}
	return found, nil
}

// Weights reads one float32 for each feature. What is missing in the file is an error when the first
// score is asked for, not before: a half-copied model loads.
func Weights(dir string) ([]float32, error) {
	content, err := os.ReadFile(filepath.Join(dir, weightsFile))
	if err != nil {
		return nil, err
	}
	weights := make([]float32, len(content)/4)
	for i := range weights {
		weights[i] = math.Float32frombits(binary.LittleEndian.Uint32(content[4*i:]))
	}
	return weights, nil
}

// Features of a subject, between -1 and 1: the same everywhere, as the chain's feature extraction is.
func Features(subject string) []float32 {
	features := make([]float32, Dimension)
	for i := range features {
		digest := sha256.Sum256(fmt.Appendf(nil, "%s/%d", subject, i))
		// 24 bits are exact in a float32.
		features[i] = float32(binary.BigEndian.Uint32(digest[:4])>>8)/(1<<23) - 1
	}
	return features
}
