# SPDX-License-Identifier: Apache-2.0
"""What the facts leave open for gen.py: the kind of each simple type, names that JSON writes with a prefix, and the few
places where the facts name a type differently at its use than at its definition."""
import os
import re

INT64_MAX = (1 << 63) - 1


def c_num(n):
	return 'INT64_MAX' if n == INT64_MAX else str(n)


class Kind:
	def __init__(self, kind, lo=0, hi=0, of=None, flags=()):
		self.kind, self.min, self.max, self.of, self.flags = kind, lo, hi, of, frozenset(flags)

	def listed(self, nonempty=False):
		return Kind(self.kind, self.min, self.max, self.of, self.flags | {'AF_LIST'} | ({'AF_NONEMPTY'} if nonempty else set()))

	def is_self_listed(self):
		"""Is the list inside already (a list type, or a structure with a repeated member)?"""
		return 'AF_LIST' in self.flags or (self.kind == 'K_OBJ' and self.of != '&complex_mgmtLinkRef')


# Simple types: TS-0004 6.3.2 and 6.3.3.
SIMPLE = {
	'xs:string': Kind('K_STR'), 'xs:anyURI': Kind('K_URI'), 'xs:NCName': Kind('K_NCNAME'), 'xs:token': Kind('K_TOKEN'),
	'xs:boolean': Kind('K_BOOL'), 'xs:nonNegativeInteger': Kind('K_UINT'), 'xs:unsignedLong': Kind('K_UINT'),
	'xs:positiveInteger': Kind('K_UINT', 1, INT64_MAX), 'xs:unsignedInt': Kind('K_UINT', 0, 0xffffffff),
	'xs:long': Kind('K_INT'), 'xs:integer': Kind('K_INT'), 'xs:float': Kind('K_FLOAT'), 'xs:double': Kind('K_FLOAT'),
	'xs:duration': Kind('K_DURATION'), 'xs:base64Binary': Kind('K_BASE64'), 'xs:anyType': Kind('K_ANY'),
	'xs:anySimpleType': Kind('K_ANY'), 'any': Kind('K_ANY'),
	'm2m:ID': Kind('K_ID'), 'm2m:nhURI': Kind('K_URI'), 'm2m:resourceName': Kind('K_STR'), 'CSEID': Kind('K_ID'),
	'SPID': Kind('K_ID'), 'm2m:nodeID': Kind('K_STR'), 'm2m:deviceID': Kind('K_STR'), 'm2m:externalID': Kind('K_STR'),
	'm2m:requestID': Kind('K_STR'), 'm2m:triggerRecipientID': Kind('K_UINT', 0, 65535), 'm2m:timestamp': Kind('K_STAMP'),
	'm2m:absRelTimestamp': Kind('K_ABSREL'), 'm2m:typeOfContent': Kind('K_STR'), 'm2m:contentInfo': Kind('K_STR'),
	'm2m:scheduleEntry': Kind('K_STR'), 'm2m:roleID': Kind('K_STR'), 'm2m:sparql': Kind('K_STR'),
	'm2m:tokenID': Kind('K_STR'), 'm2m:dynAuthJWT': Kind('K_STR'), 'm2m:e2eCompactJWE': Kind('K_STR'),
	'm2m:releaseVersion': Kind('K_STR'), 'm2m:TMGI': Kind('K_STR'), 'm2m:sessionDescription': Kind('K_STR'),
	'm2m:countryCode': Kind('K_STR', 2, 2), 'm2m:ipv4': Kind('K_STR'), 'm2m:ipv6': Kind('K_STR'),
	'm2m:locationTargetID': Kind('K_STR'), 'm2m:geoJsonCoordinate': Kind('K_ANY'), 'dcfg:imsi': Kind('K_STR'),
	'dcfg:iccid': Kind('K_STR'),
	# combinations of bits, 6.3.4.2.29
	'm2m:accessControlOperations': Kind('K_UINT', 0, 63),
}
# Lists: element type, "shall contain at least one member" (6.3.3).
LISTS = {
	'm2m:acpType': ('xs:anyURI', True), 'm2m:labels': ('xs:token', True), 'm2m:listOfM2MID': ('m2m:ID', True),
	'm2m:listOfURIs': ('xs:anyURI', True), 'm2m:poaList': ('xs:anyURI', True), 'm2m:resourceTypeList': ('m2m:resourceType', True),
	'm2m:serializations': ('xs:string', True), 'm2m:supportedReleaseVersions': ('xs:string', True),
	'm2m:attributeList': ('xs:NCName', True), 'm2m:missingDataList': ('xs:string', True), 'm2m:signatureList': ('xs:string', True),
	'm2m:listOfMinMax': ('xs:long', False), 'm2m:protocolList': ('xs:string', False), 'm2m:sessionCapabilities': ('xs:string', False),
	'list of 3 xs:float': ('xs:float', False), 'restricted list of xs:boolean': ('xs:boolean', False),
}
# Named differently where used.
ALIAS = {
	'm2m:deliveryMetaData': 'm2m:deliveryMetadata', 'm2m:softwareUpdateType': 'm2m:softwareUpdateArgsType',
	'm2m:responsePrimitive or object': 'm2m:responsePrimitive', 'See Table 6.4.2-1 for detail': 'm2m:responsePrimitive',
	'm2m:representation': 'm2m:primitiveContent',
}
COMMON_TYPES = {'ast': 'm2m:announceSyncType', 'loc': 'm2m:geoCoordinates'}
# Members without a short name in the facts, by (type, long name): 8.2.5, or the name of the same thing elsewhere.
MEMBER_SN = {
	('e2eSecInfo', 'supportedE2ESecFeatures'): 'esf', ('softwareUninstallArgsType', 'anyType'): 'any',
	('dynAuthRelMapResponse', 'signature'): 'aus', ('activityPatternElements', 'activityPatternElements'): 'apt',
	# a global element inside another carries its prefix: 8.4.2
	('aggregatedNotification', 'notification'): 'm2m:sgn', ('aggregatedResponse', 'm2m:responsePrimitive'): 'm2m:rsp',
}
# Members of filterCriteria that came with Release 4.
MORE_MEMBERS = {
	'filterCriteria': [
		{'path': 'geometryType', 'shortName': 'gmty', 'type': 'm2m:geometryType', 'mult': '0..1'},
		{'path': 'geometry', 'shortName': 'geom', 'type': 'xs:string', 'mult': '0..1'},
		{'path': 'geoSpatialFunction', 'shortName': 'gsf', 'type': 'm2m:geoSpatialFunctionType', 'mult': '0..1'},
		{'path': 'operations', 'shortName': 'ops', 'type': 'm2m:accessControlOperations', 'mult': '0..1'}],
}
# Child types that the tables name but that have no type number.
NO_NUMBER = {'dynamicAuthorizationConsultationAnnc'}
# Root elements that are no resources (tables 7.5.2-1, 7.5.2-2, 8.2.2-2, 8.2.6, 8.2.7).
ROOTS = [
	('m2m:sgn', 'notification', 'm2m:notification'), ('m2m:agn', 'aggregatedNotification', 'm2m:aggregatedNotification'),
	('m2m:seci', 'securityInfo', 'm2m:securityInfo'), ('m2m:atrl', 'attributeList', 'm2m:attributeList'),
	('m2m:rqp', 'requestPrimitive', 'm2m:requestPrimitive'), ('m2m:rsp', 'responsePrimitive', 'm2m:responsePrimitive'),
	('m2m:rce', 'resource', 'm2m:resourceWrapper'), ('m2m:uril', 'URIList', 'list of xs:anyURI'),
	('m2m:rrl', 'resourceRefList', 'm2m:listOfChildResourceRef'), ('m2m:agr', 'aggregatedResponse', 'm2m:aggregatedResponse'),
	('m2m:uri', 'URI', 'xs:anyURI'), ('m2m:dbg', 'debugInfo', 'xs:string'), ('m2m:qres', 'queryResult', 'xs:string'),
	('m2m:tsn', 'timeSeriesNotification', 'm2m:timeSeriesNotificationType'),
	# Release 4, as seen in use: requests of one polling answer, each under m2m:rqp
	('m2m:agrp', 'aggregatedRequest', 'list of m2m:primitiveContent'),
]
# resourceIDs are prefix + base 36 of the row: a prefix must not begin another ("ts" begins "tsi").
PREFIX = {'ts': 'tsr', 'ont': 'onto', 'ntp': 'ntpo', 'tsA': 'tsrA', 'ontA': 'ontoA'}


def prefix(t):
	if t['order']:
		return 'mgo' if t['ty'] == 13 else 'mgoA'
	local = t['sn'].split(':')[1]
	return PREFIX.get(local, local)


def attribute_sn(a):
	if a['shortName'] and (a['longName'] or '').startswith('m2m:'):
		return 'm2m:' + a['shortName']
	return a['shortName']


def member_sn(of, long_name, short_name):
	if (of, long_name) in MEMBER_SN:
		return MEMBER_SN[(of, long_name)]
	if short_name == 'val (JSON)':
		return 'val'
	if not short_name:
		raise SystemExit('no short name: %s/%s' % (of, long_name))
	return short_name


def nested_ident(of, path):
	return of + '_' + path.replace('/', '_')


def complex_source(m, ident):
	"""(name, members as in the facts, takes a root element) of a structured type."""
	if ident == 'primitiveContent':
		return 'm2m:primitiveContent', [], True
	if ident == 'requestPrimitive':
		return 'm2m:requestPrimitive', list(request_members(m.param_def)), False
	name = ident.replace('dcfg_', 'dcfg:') if ident.startswith('dcfg_') else 'm2m:' + ident
	r3 = m.ct['complexTypesR3'].get(name)
	if r3 is not None:
		rooted = ident == 'resourceWrapper'
		members = [dict(x, path=x['path'].replace('(basecontent)', 'value')) for x in r3 if not x['path'].startswith('m2m:<')]
		return name, members + MORE_MEMBERS.get(ident, []), rooted
	r4 = m.ct['typesOnlyInACME'].get(name)
	if r4 is None:
		raise SystemExit('structured type without definition: ' + name)
	members = [dict(x, path=x['longName']) for x in r4]
	if ident == 'responsePrimitive':
		# table 6.4.2-1; the content is a root element like that of a request
		members = [dict(x, type='m2m:primitiveContent') if x['shortName'] == 'pc' else x for x in members]
	return name, members, False


PARAM_TYPES = {'P_OP': 'm2m:operation', 'P_PC': 'm2m:primitiveContent', 'P_RT': 'm2m:responseTypeInfo', 'P_FC': 'm2m:filterCriteria'}
KIND_TYPES = {'K_URI': 'xs:anyURI', 'K_ID': 'm2m:ID', 'K_STR': 'xs:string', 'K_UINT': 'xs:nonNegativeInteger',
              'K_TOKEN': 'xs:token', 'K_STAMP': 'm2m:timestamp', 'K_ABSREL': 'm2m:absRelTimestamp', 'K_BOOL': 'xs:boolean'}


def request_members(param_def):
	"""m2m:requestPrimitive in the order of param.def: the place of a member is its enum param."""
	for line in open(param_def, encoding='utf-8'):
		p = re.match(r'PARAM\((P_\w+),\s*"(\w+)",\s*"(\w+)",\s*(K_\w+),\s*([01]),', line)
		if not p:
			continue
		pid, sn, ln, kind, many = p.groups()
		typ = PARAM_TYPES.get(pid) or KIND_TYPES[kind]
		yield {'path': ln, 'shortName': sn, 'type': ('list of ' if many == '1' else '') + typ, 'mult': '0..1'}


class Kinds:
	def __init__(self, model):
		self.m = model
		self.enums_used = set()

	def of(self, typ):
		typ = ALIAS.get(typ, typ)
		if typ in LISTS:
			element, nonempty = LISTS[typ]
			return self.of(element).listed(nonempty)
		if typ.lower().startswith('list of '):
			return self.of(typ[8:]).listed()
		if typ in SIMPLE:
			return SIMPLE[typ]
		if typ in self.m.enums or typ == 'm2m:eventCatWithDef':
			self.enums_used.add(typ)
			return Kind('K_ENUM', of='&enum_' + typ.removeprefix('m2m:').replace(':', '_'))
		kind = Kind('K_OBJ', of='&complex_' + typ.removeprefix('m2m:').replace(':', '_'))
		self.m.need(kind.of)
		return kind

	def enum_values(self, name):
		"""(values, lo, hi): the listed ones and a range."""
		if name == 'm2m:responseStatusCode':
			text = open(os.path.join(self.m.facts, 'response-codes.md'), encoding='utf-8').read()
			return [int(n) for n in re.findall(r'^\| (\d{4}) \|', text, re.M)], 0, 0
		e = self.m.enums['m2m:eventCat' if name == 'm2m:eventCatWithDef' else name]
		values, lo, hi = set(), 0, 0
		more = [v for v, text in e.get('acmeAdds', {}).items() if 'EXPERIMENTAL' not in text]
		for v in list(e['values']) + more:
			if '..' in v:
				lo, hi = (int(x) for x in v.split('..'))
			else:
				values.add(int(v))
		if name == 'm2m:eventCatWithDef':
			values.add(0)
		if name == 'm2m:memberType':
			values |= set(self.enum_values('m2m:resourceType')[0])
		return sorted(values), lo, hi
