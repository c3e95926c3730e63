package main

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cosmossdk.io/api/amino"
	msgv1 "cosmossdk.io/api/cosmos/msg/v1"
	"github.com/cosmos/gogoproto/proto"
	protov2 "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The messages, queries and events of the real module that the lab needs, with their names and field
// numbers. Their descriptors are made from the tags, so that no generated code is kept here.
const (
	encryptionPackage = "virtengine.encryption.v1"
	encryptionFile    = "virtengine/encryption/v1/encryption.proto"
)

type (
	MsgRegisterRecipientKey struct {
		Sender      string `protobuf:"bytes,1,opt,name=sender,proto3"`
		PublicKey   []byte `protobuf:"bytes,2,opt,name=public_key,proto3"`
		AlgorithmId string `protobuf:"bytes,3,opt,name=algorithm_id,proto3"`
		Label       string `protobuf:"bytes,4,opt,name=label,proto3"`
	}
	MsgRegisterRecipientKeyResponse struct {
		KeyFingerprint string `protobuf:"bytes,1,opt,name=key_fingerprint,proto3"`
	}
	MsgRevokeRecipientKey struct {
		Sender         string `protobuf:"bytes,1,opt,name=sender,proto3"`
		KeyFingerprint string `protobuf:"bytes,2,opt,name=key_fingerprint,proto3"`
	}
	MsgRevokeRecipientKeyResponse struct{}
	MsgRotateKey                  struct {
		Sender            string `protobuf:"bytes,1,opt,name=sender,proto3"`
		OldKeyFingerprint string `protobuf:"bytes,2,opt,name=old_key_fingerprint,proto3"`
		NewPublicKey      []byte `protobuf:"bytes,3,opt,name=new_public_key,proto3"`
		NewAlgorithmId    string `protobuf:"bytes,4,opt,name=new_algorithm_id,proto3"`
		NewLabel          string `protobuf:"bytes,5,opt,name=new_label,proto3"`
		Reason            string `protobuf:"bytes,6,opt,name=reason,proto3"`
		NewKeyTtlSeconds  uint64 `protobuf:"varint,7,opt,name=new_key_ttl_seconds,proto3"`
	}
	MsgRotateKeyResponse struct {
		NewKeyFingerprint string `protobuf:"bytes,1,opt,name=new_key_fingerprint,proto3"`
	}

	QueryRecipientKeyRequest struct {
		Address string `protobuf:"bytes,1,opt,name=address,proto3"`
	}
	QueryRecipientKeyResponse struct {
		Keys []*RecipientKeyRecord `protobuf:"bytes,1,rep,name=keys,proto3"`
	}
	QueryKeyByFingerprintRequest struct {
		Fingerprint string `protobuf:"bytes,1,opt,name=fingerprint,proto3"`
	}
	QueryKeyByFingerprintResponse struct {
		Key *RecipientKeyRecord `protobuf:"bytes,1,opt,name=key,proto3"`
	}
	// RecipientKeyRecord has times in seconds, 0 for none.
	RecipientKeyRecord struct {
		Address        string `protobuf:"bytes,1,opt,name=address,proto3"`
		PublicKey      []byte `protobuf:"bytes,2,opt,name=public_key,proto3"`
		KeyFingerprint string `protobuf:"bytes,3,opt,name=key_fingerprint,proto3"`
		KeyVersion     uint32 `protobuf:"varint,4,opt,name=key_version,proto3"`
		AlgorithmId    string `protobuf:"bytes,5,opt,name=algorithm_id,proto3"`
		RegisteredAt   int64  `protobuf:"varint,6,opt,name=registered_at,proto3"`
		RevokedAt      int64  `protobuf:"varint,7,opt,name=revoked_at,proto3"`
		DeprecatedAt   int64  `protobuf:"varint,8,opt,name=deprecated_at,proto3"`
		ExpiresAt      int64  `protobuf:"varint,9,opt,name=expires_at,proto3"`
		PurgeAt        int64  `protobuf:"varint,10,opt,name=purge_at,proto3"`
		Label          string `protobuf:"bytes,11,opt,name=label,proto3"`
	}

	EventKeyRegistered struct {
		Address      string `protobuf:"bytes,1,opt,name=address,proto3"`
		Fingerprint  string `protobuf:"bytes,2,opt,name=fingerprint,proto3"`
		Algorithm    string `protobuf:"bytes,3,opt,name=algorithm,proto3"`
		Label        string `protobuf:"bytes,4,opt,name=label,proto3"`
		RegisteredAt int64  `protobuf:"varint,5,opt,name=registered_at,proto3"`
	}
	EventKeyRevoked struct {
		Address     string `protobuf:"bytes,1,opt,name=address,proto3"`
		Fingerprint string `protobuf:"bytes,2,opt,name=fingerprint,proto3"`
		RevokedBy   string `protobuf:"bytes,3,opt,name=revoked_by,proto3"`
		RevokedAt   int64  `protobuf:"varint,4,opt,name=revoked_at,proto3"`
	}
	EventKeyRotated struct {
		Address        string `protobuf:"bytes,1,opt,name=address,proto3"`
		OldFingerprint string `protobuf:"bytes,2,opt,name=old_fingerprint,proto3"`
		NewFingerprint string `protobuf:"bytes,3,opt,name=new_fingerprint,proto3"`
		RotatedAt      int64  `protobuf:"varint,4,opt,name=rotated_at,proto3"`
	}
)

// encryptionMessages are all of them; those with a sender are signed by it.
var encryptionMessages = []proto.Message{
	&MsgRegisterRecipientKey{}, &MsgRegisterRecipientKeyResponse{},
	&MsgRevokeRecipientKey{}, &MsgRevokeRecipientKeyResponse{},
	&MsgRotateKey{}, &MsgRotateKeyResponse{},
	&QueryRecipientKeyRequest{}, &QueryRecipientKeyResponse{},
	&QueryKeyByFingerprintRequest{}, &QueryKeyByFingerprintResponse{},
	&RecipientKeyRecord{}, &EventKeyRegistered{}, &EventKeyRevoked{}, &EventKeyRotated{},
}

var packedDescriptor []byte

func init() {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String(encryptionFile), Package: proto.String(encryptionPackage), Syntax: proto.String("proto3"),
		Dependency: []string{"cosmos/msg/v1/msg.proto", "amino/amino.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{
			serviceDescriptor("Msg", "RegisterRecipientKey", "RevokeRecipientKey", "RotateKey"),
			serviceDescriptor("Query", "RecipientKey", "KeyByFingerprint"),
		},
	}
	for _, message := range encryptionMessages {
		name := reflect.TypeOf(message).Elem().Name()
		proto.RegisterType(message, encryptionPackage+"."+name)
		file.MessageType = append(file.MessageType, messageDescriptor(reflect.TypeOf(message).Elem()))
	}
	raw, err := protov2.Marshal(file)
	if err != nil {
		panic(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err = writer.Write(raw); err == nil {
		err = writer.Close()
	}
	if err != nil {
		panic(err)
	}
	packedDescriptor = packed.Bytes()
	proto.RegisterFile(encryptionFile, packedDescriptor)
}

// descriptorOf is the packed file with the message's place in it, by which the SDK looks for fields
// that a message does not have.
func descriptorOf(message proto.Message) ([]byte, []int) {
	same := func(one proto.Message) bool { return reflect.TypeOf(one) == reflect.TypeOf(message) }
	return packedDescriptor, []int{slices.IndexFunc(encryptionMessages, same)}
}

// messageDescriptor is that of a struct whose fields are tagged as generated code tags them.
func messageDescriptor(message reflect.Type) *descriptorpb.DescriptorProto {
	descriptor := &descriptorpb.DescriptorProto{Name: proto.String(message.Name())}
	for i := range message.NumField() {
		field := message.Field(i)
		words := strings.Split(field.Tag.Get("protobuf"), ",")
		number, err := strconv.Atoi(words[1])
		if err != nil {
			panic(err)
		}
		label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		if words[2] == "rep" {
			label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
		}
		kind, name := fieldType(field.Type)
		found := &descriptorpb.FieldDescriptorProto{
			Name: proto.String(strings.TrimPrefix(words[3], "name=")), Number: proto.Int32(int32(number)),
			Label: label.Enum(), Type: kind.Enum(),
		}
		if name != "" {
			found.TypeName = proto.String("." + encryptionPackage + "." + name)
		}
		descriptor.Field = append(descriptor.Field, found)
	}
	if _, signed := message.FieldByName("Sender"); signed {
		descriptor.Options = &descriptorpb.MessageOptions{}
		protov2.SetExtension(descriptor.Options, msgv1.E_Signer, []string{"sender"})
		protov2.SetExtension(descriptor.Options, amino.E_Name, "encryption/"+message.Name())
	}
	return descriptor
}

// fieldType is the type of a field, and the name of its message if it is one.
func fieldType(of reflect.Type) (descriptorpb.FieldDescriptorProto_Type, string) {
	switch of.Kind() {
	case reflect.String:
		return descriptorpb.FieldDescriptorProto_TYPE_STRING, ""
	case reflect.Int64:
		return descriptorpb.FieldDescriptorProto_TYPE_INT64, ""
	case reflect.Uint64:
		return descriptorpb.FieldDescriptorProto_TYPE_UINT64, ""
	case reflect.Uint32:
		return descriptorpb.FieldDescriptorProto_TYPE_UINT32, ""
	case reflect.Pointer:
		return descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, of.Elem().Name()
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return descriptorpb.FieldDescriptorProto_TYPE_BYTES, ""
		}
		return fieldType(of.Elem())
	}
	panic("no such field: " + of.String())
}

// serviceDescriptor has methods whose messages are named after them, as buf wants it.
func serviceDescriptor(name string, methods ...string) *descriptorpb.ServiceDescriptorProto {
	service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(name)}
	for _, method := range methods {
		request := name + method
		if name == "Query" {
			request += "Request"
		}
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name:       proto.String(method),
			InputType:  proto.String("." + encryptionPackage + "." + request),
			OutputType: proto.String("." + encryptionPackage + "." + name + method + "Response"),
		})
	}
	if name == "Msg" {
		service.Options = &descriptorpb.ServiceOptions{}
		protov2.SetExtension(service.Options, msgv1.E_Service, true)
	}
	return service
}

// The rest is what makes them messages.

func (m *MsgRegisterRecipientKey) Reset()         { *m = MsgRegisterRecipientKey{} }
func (m *MsgRegisterRecipientKeyResponse) Reset() { *m = MsgRegisterRecipientKeyResponse{} }
func (m *MsgRevokeRecipientKey) Reset()           { *m = MsgRevokeRecipientKey{} }
func (m *MsgRevokeRecipientKeyResponse) Reset()   { *m = MsgRevokeRecipientKeyResponse{} }
func (m *MsgRotateKey) Reset()                    { *m = MsgRotateKey{} }
func (m *MsgRotateKeyResponse) Reset()            { *m = MsgRotateKeyResponse{} }
func (m *QueryRecipientKeyRequest) Reset()        { *m = QueryRecipientKeyRequest{} }
func (m *QueryRecipientKeyResponse) Reset()       { *m = QueryRecipientKeyResponse{} }
func (m *QueryKeyByFingerprintRequest) Reset()    { *m = QueryKeyByFingerprintRequest{} }
func (m *QueryKeyByFingerprintResponse) Reset()   { *m = QueryKeyByFingerprintResponse{} }
func (m *RecipientKeyRecord) Reset()              { *m = RecipientKeyRecord{} }
func (m *EventKeyRegistered) Reset()              { *m = EventKeyRegistered{} }
func (m *EventKeyRevoked) Reset()                 { *m = EventKeyRevoked{} }
func (m *EventKeyRotated) Reset()                 { *m = EventKeyRotated{} }

func (m *MsgRegisterRecipientKey) String() string         { return proto.CompactTextString(m) }
func (m *MsgRegisterRecipientKeyResponse) String() string { return proto.CompactTextString(m) }
func (m *MsgRevokeRecipientKey) String() string           { return proto.CompactTextString(m) }
func (m *MsgRevokeRecipientKeyResponse) String() string   { return proto.CompactTextString(m) }
func (m *MsgRotateKey) String() string                    { return proto.CompactTextString(m) }
func (m *MsgRotateKeyResponse) String() string            { return proto.CompactTextString(m) }
func (m *QueryRecipientKeyRequest) String() string        { return proto.CompactTextString(m) }
func (m *QueryRecipientKeyResponse) String() string       { return proto.CompactTextString(m) }
func (m *QueryKeyByFingerprintRequest) String() string    { return proto.CompactTextString(m) }
func (m *QueryKeyByFingerprintResponse) String() string   { return proto.CompactTextString(m) }
func (m *RecipientKeyRecord) String() string              { return proto.CompactTextString(m) }
func (m *EventKeyRegistered) String() string              { return proto.CompactTextString(m) }
func (m *EventKeyRevoked) String() string                 { return proto.CompactTextString(m) }
func (m *EventKeyRotated) String() string                 { return proto.CompactTextString(m) }

func (m *MsgRegisterRecipientKey) Descriptor() ([]byte, []int)         { return descriptorOf(m) }
func (m *MsgRegisterRecipientKeyResponse) Descriptor() ([]byte, []int) { return descriptorOf(m) }
func (m *MsgRevokeRecipientKey) Descriptor() ([]byte, []int)           { return descriptorOf(m) }
func (m *MsgRevokeRecipientKeyResponse) Descriptor() ([]byte, []int)   { return descriptorOf(m) }
func (m *MsgRotateKey) Descriptor() ([]byte, []int)                    { return descriptorOf(m) }
func (m *MsgRotateKeyResponse) Descriptor() ([]byte, []int)            { return descriptorOf(m) }
func (m *QueryRecipientKeyRequest) Descriptor() ([]byte, []int)        { return descriptorOf(m) }
func (m *QueryRecipientKeyResponse) Descriptor() ([]byte, []int)       { return descriptorOf(m) }
func (m *QueryKeyByFingerprintRequest) Descriptor() ([]byte, []int)    { return descriptorOf(m) }
func (m *QueryKeyByFingerprintResponse) Descriptor() ([]byte, []int)   { return descriptorOf(m) }
func (m *RecipientKeyRecord) Descriptor() ([]byte, []int)              { return descriptorOf(m) }
func (m *EventKeyRegistered) Descriptor() ([]byte, []int)              { return descriptorOf(m) }
func (m *EventKeyRevoked) Descriptor() ([]byte, []int)                 { return descriptorOf(m) }
func (m *EventKeyRotated) Descriptor() ([]byte, []int)                 { return descriptorOf(m) }

func (*MsgRegisterRecipientKey) ProtoMessage()         {}
func (*MsgRegisterRecipientKeyResponse) ProtoMessage() {}
func (*MsgRevokeRecipientKey) ProtoMessage()           {}
func (*MsgRevokeRecipientKeyResponse) ProtoMessage()   {}
func (*MsgRotateKey) ProtoMessage()                    {}
func (*MsgRotateKeyResponse) ProtoMessage()            {}
func (*QueryRecipientKeyRequest) ProtoMessage()        {}
func (*QueryRecipientKeyResponse) ProtoMessage()       {}
func (*QueryKeyByFingerprintRequest) ProtoMessage()    {}
func (*QueryKeyByFingerprintResponse) ProtoMessage()   {}
func (*RecipientKeyRecord) ProtoMessage()              {}
func (*EventKeyRegistered) ProtoMessage()              {}
func (*EventKeyRevoked) ProtoMessage()                 {}
func (*EventKeyRotated) ProtoMessage()                 {}
